/**
 * For tests: one small sound value of every RDB type, byte by byte, and a writer of whole files around them.
 */
import { binaryBytes } from "../util/span.ts";
import { Crc64 } from "./crc64.ts";
import { Opcode, RdbType, VALKEY_TYPE_BASE } from "./opcodes.ts";

export interface Sample {
  readonly type: number;
  readonly value: Uint8Array;
  /** What the scanner counts with `validate`. */
  readonly count: number;
}

type Part = string | number | readonly number[] | Uint8Array;

/** Bytes of parts: texts as binary strings, numbers as bytes. */
export function bytesOf(...parts: readonly Part[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "string" ? [...binaryBytes(part)] : typeof part === "number" ? [part] : [...part],
    ),
  );
}

/** A string as RDB stores it, raw. */
export function rdbString(bytes: Uint8Array | string): Uint8Array {
  const raw = bytesOf(bytes);
  return raw.length < 64 ? bytesOf(raw.length, raw) : bytesOf(0x40 | (raw.length >> 8), raw.length & 0xff, raw);
}

function le(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}

/** A listpack of short strings and small numbers. */
export function listpack(...elements: readonly (string | number)[]): Uint8Array {
  const body = elements.flatMap((element) =>
    typeof element === "number" ? [element, 1] : [0x80 | element.length, ...binaryBytes(element), element.length + 1],
  );
  return bytesOf(le(body.length + 7, 4), le(elements.length, 2), body, 0xff);
}

/** A ziplist of short strings. */
export function ziplist(...elements: readonly string[]): Uint8Array {
  const body: number[] = [];
  let before = 0;
  let last = 10;
  for (const element of elements) {
    last = 10 + body.length;
    body.push(before, element.length, ...binaryBytes(element));
    before = element.length + 2;
  }
  return bytesOf(le(body.length + 11, 4), le(last, 4), le(elements.length, 2), body, 0xff);
}

function intset(...values: readonly number[]): Uint8Array {
  return bytesOf(le(2, 4), le(values.length, 4), ...values.map((value) => le(value, 2)));
}

/** A node's listpack with one entry: id as the node's, field "f", value "v". */
const STREAM_NODE = listpack(1, 0, 1, "f", 0, 2, 0, 0, "v", 4);
const STREAM_ID = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
const TIME = le(1_700_000_000_000, 8);
/** Far in the future, so that a server keeps the fields. */
const FIELD_EXPIRY = le(4_102_444_800_000, 8);
const ONE_AND_A_HALF = [0, 0, 0, 0, 0, 0, 0xf8, 0x3f];

function stream(type: number): Uint8Array {
  const isOld = type === RdbType.STREAM_LISTPACKS;
  const active = type === RdbType.STREAM_LISTPACKS_3 ? TIME : [];
  const consumer = bytesOf(rdbString("alice"), TIME, active, 1, STREAM_ID);
  const group = bytesOf(rdbString("g"), 1, 2, isOld ? [] : 1, 1, STREAM_ID, TIME, 3, 1, consumer);
  const header = isOld ? [1, 1, 2] : [1, 1, 2, 1, 2, 0, 0, 1];
  return bytesOf(1, rdbString(bytesOf(STREAM_ID)), rdbString(STREAM_NODE), header, 1, group);
}

const { VALKEY_HASH_2 } = RdbType;
const MODULE_ID = [0x81, 0x45, 0xe2, 0x52, 0x38, 0xdf, 0x91, 0x2c, 0x00];

export const SAMPLES: readonly Sample[] = [
  { type: RdbType.STRING, value: rdbString("value"), count: -1 },
  { type: RdbType.STRING, value: bytesOf(0xc2, le(1_000_000, 4)), count: -1 },
  { type: RdbType.STRING, value: bytesOf(0xc3, 5, 12, [0x00, 0x61, 0xe0, 0x02, 0x00]), count: -1 },
  { type: RdbType.LIST, value: bytesOf(2, rdbString("a"), 0xc0, 7), count: 2 },
  { type: RdbType.SET, value: bytesOf(2, rdbString("a"), rdbString("b")), count: 2 },
  {
    type: RdbType.ZSET,
    value: bytesOf(3, rdbString("a"), 3, "1.5", rdbString("b"), 254, rdbString("c"), 255),
    count: 3,
  },
  { type: RdbType.HASH, value: bytesOf(1, rdbString("f"), rdbString("v")), count: 1 },
  { type: RdbType.ZSET_2, value: bytesOf(1, rdbString("a"), ONE_AND_A_HALF), count: 1 },
  {
    type: RdbType.MODULE_2,
    value: bytesOf(MODULE_ID, 2, 0x20, 1, 5, 4, ONE_AND_A_HALF, 3, [0, 0, 0x80, 0x3f], 5, rdbString("text"), 0),
    count: -1,
  },
  { type: RdbType.HASH_ZIPMAP, value: rdbString(bytesOf(1, 1, "f", 1, 0, "v", 0xff)), count: 1 },
  { type: RdbType.LIST_ZIPLIST, value: rdbString(ziplist("a", "b", "c")), count: 3 },
  { type: RdbType.SET_INTSET, value: rdbString(intset(1, 2, 300)), count: -1 },
  { type: RdbType.ZSET_ZIPLIST, value: rdbString(ziplist("a", "1", "b", "2.5")), count: 2 },
  { type: RdbType.HASH_ZIPLIST, value: rdbString(ziplist("f", "v", "g", "w")), count: 2 },
  { type: RdbType.LIST_QUICKLIST, value: bytesOf(2, rdbString(ziplist("a", "b")), rdbString(ziplist("c"))), count: 3 },
  { type: RdbType.STREAM_LISTPACKS, value: stream(RdbType.STREAM_LISTPACKS), count: -1 },
  { type: RdbType.HASH_LISTPACK, value: rdbString(listpack("f", "v")), count: 1 },
  { type: RdbType.ZSET_LISTPACK, value: rdbString(listpack("a", 1, "b", 2)), count: 2 },
  {
    type: RdbType.LIST_QUICKLIST_2,
    value: bytesOf(2, 1, rdbString("plain"), 2, rdbString(listpack("a", "b"))),
    count: 3,
  },
  { type: RdbType.STREAM_LISTPACKS_2, value: stream(RdbType.STREAM_LISTPACKS_2), count: -1 },
  { type: RdbType.SET_LISTPACK, value: rdbString(listpack("a", "b", 3)), count: 3 },
  { type: RdbType.STREAM_LISTPACKS_3, value: stream(RdbType.STREAM_LISTPACKS_3), count: -1 },
  {
    type: RdbType.HASH_METADATA_PRE_GA,
    value: bytesOf(
      2,
      0,
      rdbString("f"),
      rdbString("v"),
      0x81,
      [...FIELD_EXPIRY].reverse(),
      rdbString("g"),
      rdbString("w"),
    ),
    count: 2,
  },
  { type: RdbType.HASH_LISTPACK_EX_PRE_GA, value: rdbString(listpack("f", "v", 0)), count: 1 },
  {
    type: RdbType.HASH_METADATA,
    value: bytesOf(FIELD_EXPIRY, 2, 0, rdbString("f"), rdbString("v"), 1, rdbString("g"), rdbString("w")),
    count: 2,
  },
  { type: RdbType.HASH_LISTPACK_EX, value: bytesOf(FIELD_EXPIRY, rdbString(listpack("f", "v", 0))), count: 1 },
  {
    type: VALKEY_HASH_2,
    value: bytesOf(
      2,
      rdbString("f"),
      rdbString("v"),
      FIELD_EXPIRY,
      rdbString("g"),
      rdbString("w"),
      new Array(8).fill(0xff),
    ),
    count: 2,
  },
];

/** Whether a file must be Valkey's, or must not be, to hold the type. */
export function isValkeyType(type: number): boolean {
  return type >= VALKEY_TYPE_BASE;
}

/** A whole file: header, the items as they are, EOF, and the CRC64 where the version has one. */
export function rdbFile(header: string, ...items: readonly Uint8Array[]): Uint8Array {
  const body = bytesOf(header, ...items, Opcode.EOF);
  if (header < "REDIS0005") return body;
  const crc = new Crc64().update(body);
  return bytesOf(body, le(crc.low >>> 0, 4), le(crc.high >>> 0, 4));
}

/** A record: type, key, value. */
export function rdbRecord(sample: Sample, key: string): Uint8Array {
  return bytesOf(sample.type % VALKEY_TYPE_BASE, rdbString(key), sample.value);
}

/** A file of every sample of one flavour, with every opcode; keys are "k0", "k1", … in the order of SAMPLES. */
export function fullFile(valkey: boolean): Uint8Array {
  const items = SAMPLES.flatMap((sample, i) => {
    if (isValkeyType(sample.type) ? !valkey : valkey && sample.type > RdbType.STREAM_LISTPACKS_3) return [];
    const prelude = i % 3 === 0 ? bytesOf(Opcode.EXPIRETIME_MS, FIELD_EXPIRY) : bytesOf(Opcode.FREQ, 9);
    return [bytesOf(i % 2 === 0 ? prelude : []), rdbRecord(sample, `k${i}`)];
  });
  return rdbFile(
    valkey ? "VALKEY080" : "REDIS0012",
    bytesOf(Opcode.AUX, rdbString("redis-ver"), rdbString("7.4.0")),
    bytesOf(Opcode.FUNCTION2, rdbString("#!lua name=lib\n")),
    bytesOf(Opcode.FUNCTION_PRE_GA, rdbString("lib"), rdbString("LUA"), 1, rdbString("about"), rdbString("code")),
    bytesOf(Opcode.MODULE_AUX, MODULE_ID, 2, 1, 5, rdbString("aux"), 0),
    bytesOf(Opcode.SELECTDB, 3, Opcode.RESIZEDB, 0x40, 200, 1),
    bytesOf(Opcode.SLOT_INFO, 1, 2, 3),
    bytesOf(Opcode.SLOT_IMPORT, rdbString("job"), 1, 0x7f, 0xff, 0x7f, 0xff),
    bytesOf(Opcode.IDLE, 0x41, 0x00),
    ...items,
    bytesOf(Opcode.AUX, rdbString("late"), 0xc0, 5),
  );
}
