/**
 * Digests of values as Redis's DEBUG DIGEST makes them, so that data sets can be compared with a real server's: SHA1 of what is ordered,
 * one after another; exclusive or of what is not.
 *
 *   mix(x)    digest = SHA1(digest ^ SHA1(x))          xor(x)    digest = digest ^ SHA1(x)
 *
 *   value     mix type u32be, then
 *             string  mix bytes                       list    mix each element          set   xor each member
 *             hash    xor of { mix field, mix value }  zset    xor of { mix member, mix score as text }
 *             stream  { mix "ms.seq", { mix field, mix value } … } …
 *             and with an expiry xor "!!expire!!"
 */
import { objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { doubleText } from "../util/decimal.ts";
import { binaryBytes, Span } from "../util/span.ts";
import type { Element } from "./elements.ts";
import { HashReader } from "./hash.ts";
import { ListReader } from "./list.ts";
import { SetReader } from "./set.ts";
import { StreamReader } from "./stream.ts";
import { ZsetReader } from "./zset.ts";

const DIGEST_BYTES = 20;
const ELEMENTS_PER_SLICE = 256;
/** Redis's numbers of the types. */
const TYPE_NUMBERS = { string: 0, list: 1, set: 2, zset: 3, hash: 4, module: 5, stream: 6 } as const;
const EXPIRES = binaryBytes("!!expire!!");

export class Digest {
  readonly bytes = new Uint8Array(DIGEST_BYTES);
  readonly #sum = new Uint8Array(DIGEST_BYTES);

  clear(): void {
    this.bytes.fill(0);
  }

  xor(bytes: Uint8Array, start = 0, length = bytes.length): void {
    Bun.CryptoHasher.hash("sha1", bytes.subarray(start, start + length), this.#sum);
    for (let i = 0; i < DIGEST_BYTES; i++) this.bytes[i] = (this.bytes[i] as number) ^ (this.#sum[i] as number);
  }

  mix(bytes: Uint8Array, start = 0, length = bytes.length): void {
    this.xor(bytes, start, length);
    Bun.CryptoHasher.hash("sha1", this.bytes, this.#sum);
    this.bytes.set(this.#sum);
  }

  mixSpan({ bytes, start, length }: Span): void {
    this.mix(bytes, start, length);
  }

  mixUint32(value: number): void {
    this.mix(new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]));
  }

  /** 40 hexadecimal digits. */
  get hex(): string {
    return Buffer.from(this.bytes).toString("hex");
  }
}

/** Adds a record's value to the digest. In slices: the record must stay. Throws FormatError. */
export function* digestValue(record: Record, nowMs: number, digest: Digest): Generator<void, void, void> {
  const type = objectType(record.type);
  digest.mixUint32(TYPE_NUMBERS[type]);
  record.seekValue();
  if (type === "string") {
    const value = new Span();
    readString(record.cursor, value, record.scratch);
    digest.mixSpan(value);
  } else if (type === "list") yield* digestList(record, digest);
  else if (type === "set") yield* digestSet(record, digest);
  else if (type === "zset") yield* digestZset(record, digest);
  else if (type === "hash") yield* digestHash(record, nowMs, digest);
  else if (type === "stream") yield* digestStream(record, digest);
  if (record.expireAtMs !== -1) digest.xor(EXPIRES);
}

function* digestList(record: Record, digest: Digest): Generator<void, void, void> {
  const list = new ListReader();
  list.open(record);
  for (let left = 1; list.next(); left++) {
    digest.mixSpan(list.text());
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
}

function* digestSet(record: Record, digest: Digest): Generator<void, void, void> {
  const set = new SetReader();
  set.open(record);
  for (let left = 1; set.next(); left++) {
    const { bytes, start, length } = set.text();
    digest.xor(bytes, start, length);
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
}

function* digestZset(record: Record, digest: Digest): Generator<void, void, void> {
  const zset = new ZsetReader();
  zset.open(record);
  const pair = new Digest();
  for (let left = 1; zset.next(); left++) {
    xorPair(digest, pair, zset, binaryBytes(doubleText(zset.score)));
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
}

function* digestHash(record: Record, nowMs: number, digest: Digest): Generator<void, void, void> {
  const hash = new HashReader();
  hash.open(record, nowMs);
  const pair = new Digest();
  for (let left = 1; hash.nextField(); left++) {
    const { bytes, start, length } = hash.value.text();
    xorPair(digest, pair, hash.field, bytes.subarray(start, start + length));
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
}

function xorPair(digest: Digest, pair: Digest, first: Element, second: Uint8Array): void {
  pair.clear();
  pair.mixSpan(first.text());
  pair.mix(second);
  digest.xor(pair.bytes);
}

function* digestStream(record: Record, digest: Digest): Generator<void, void, void> {
  const stream = new StreamReader();
  stream.open(record);
  for (let left = 1; stream.next(); left++) {
    digest.mix(binaryBytes(`${stream.id.ms}.${stream.id.seq}`));
    while (stream.nextField()) {
      digest.mixSpan(stream.field.text());
      digest.mixSpan(stream.value.text());
    }
    if (left % ELEMENTS_PER_SLICE === 0) yield;
  }
}
