/** Listpack and intset writers: byte for byte what redis-server has after the same changes; against the readers; every integer. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { listpackOf } from "../../test/support/packed-samples.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import { readLength } from "../rdb/length.ts";
import { Scratch } from "../rdb/scratch.ts";
import { readString } from "../rdb/string.ts";
import { sourceOf } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";
import { Element } from "./element.ts";
import { int64, parseInt64, setInt64 } from "./int64.ts";
import { Intset, validateIntset } from "./intset.ts";
import {
  addToIntset,
  bytesWith,
  findInIntset,
  INTSET_EMPTY_BYTES,
  intsetBytes,
  readFromIntset,
  removeFromIntset,
  writeEmptyIntset,
} from "./intset-writer.ts";
import { Listpack, validateListpack } from "./listpack.ts";
import {
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  measureInteger,
  writeEmptyListpack,
} from "./listpack-writer.ts";

const EDGES = [0n, 127n, 128n, 4095n, 4096n, 32767n, 32768n, 8388607n, 8388608n, 2n ** 31n - 1n, 2n ** 31n]
  .concat([2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n, 10n ** 15n, 10n ** 15n - 1n])
  .flatMap((value) => [value, -value, -value - 1n]);

/** A block with room, some bytes before it and behind it that must stay as they are. */
class Packed {
  bytes = new Uint8Array(64).fill(0xaa);
  readonly at = 5;
  size: number;

  constructor(size: number) {
    this.size = size;
  }

  reserve(size: number): void {
    const grown = new Uint8Array(this.at + size + 8).fill(0xaa);
    grown.set(this.bytes.subarray(0, this.at + this.size));
    this.bytes = grown;
    this.size = size;
  }

  content(): Uint8Array {
    expect(this.bytes.subarray(0, this.at).every((byte) => byte === 0xaa)).toBe(true);
    return this.bytes.slice(this.at, this.at + this.size);
  }
}

/** The packed bytes in the DUMP of a key: of a list the only node's. */
async function dumped(server: RedisServer, key: string): Promise<Uint8Array> {
  const reply = await server.send("DUMP", key);
  const payload = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
  const cursor = new Cursor();
  cursor.source = sourceOf(payload);
  cursor.seek(1);
  if (payload[0] === 18) {
    expect([readLength(cursor), readLength(cursor)]).toEqual([1, 2]);
  }
  const span = new Span();
  readString(cursor, span, new Scratch());
  return new Uint8Array(span.copy());
}

function randomText(random: () => number): string {
  const kind = random();
  if (kind < 0.4) {
    const edge = EDGES[Math.floor(random() * EDGES.length)] as bigint;
    return `${BigInt.asIntN(64, edge + BigInt(Math.floor(random() * 5) - 2))}`;
  }
  if (kind < 0.5)
    return `${kind < 0.45 ? "0" : "-"}${Math.floor(random() * 1000)}x`.slice(0, 1 + Math.floor(random() * 5));
  const length = [0, 1, 20, 62, 63, 64, 65, 126, 127, 300][Math.floor(random() * 10)] as number;
  return Array.from({ length }, () => String.fromCharCode(Math.floor(random() * 256))).join("");
}

/** A listpack with the steps of a model: an array of texts. */
class ListpackModel {
  readonly packed = new Packed(LISTPACK_EMPTY_BYTES);
  readonly writer = new ListpackWriter();
  texts: string[] = [];

  constructor() {
    writeEmptyListpack(this.packed.bytes, this.packed.at);
    this.writer.open(this.packed.bytes, this.packed.at);
  }

  #room(grown: number): void {
    this.packed.reserve(this.packed.size + grown);
    this.writer.open(this.packed.bytes, this.packed.at);
  }

  insert(index: number, text: string): void {
    const bytes = Buffer.from(`(${text})`, "latin1");
    const size = measureElement(bytes, 1, text.length);
    this.#room(size);
    const pos = this.writer.seek(index);
    expect(this.writer.insert(pos, bytes, 1, text.length)).toBe(pos + size);
    this.texts.splice(index, 0, text);
  }

  replace(index: number, text: string): void {
    const bytes = Buffer.from(text, "latin1");
    const pos = this.writer.seek(index);
    const grown = measureElement(bytes, 0, bytes.length) - (this.writer.next(pos) - pos);
    if (grown > 0) this.#room(grown);
    this.writer.replace(pos, bytes, 0, bytes.length);
    this.packed.size = this.writer.totalBytes;
    this.texts[index] = text;
  }

  remove(index: number, count: number): void {
    const removed = this.writer.remove(this.writer.seek(index), count);
    this.packed.size = this.writer.totalBytes;
    expect(this.texts.splice(index, count).length).toBe(removed);
  }

  check(): void {
    const bytes = this.packed.content();
    expect(validateListpack(bytes, 0, bytes.length, true)).toBeNull();
    const reader = new Listpack().open(bytes, 0, bytes.length);
    const element = new Element();
    const found: string[] = [];
    while (reader.next(element)) found.push(element.text().text());
    expect(found).toEqual(this.texts);
    expect(this.writer.headerCount).toBe(this.texts.length);
  }
}

test("integers of 64 bits from their text, and what is none", () => {
  for (const edge of EDGES) {
    const value = BigInt.asIntN(64, edge);
    const text = Buffer.from(`<${value}>`);
    expect(parseInt64(text, 1, text.length - 2)).toBe(true);
    expect((BigInt(int64.high) << 32n) | BigInt(int64.low >>> 0)).toBe(value);
    if (value >= -(2n ** 53n) && value <= 2n ** 53n) {
      setInt64(Number(value));
      expect((BigInt(int64.high) << 32n) | BigInt(int64.low >>> 0)).toBe(value);
    }
  }
  const none = ["", "-", "-0", "00", "01", "+1", "1 ", " 1", "1.0", "9223372036854775808", "-9223372036854775809"];
  for (const text of [...none, "18446744073709551616", "99999999999999999999", "9".repeat(21), "123456789012345x"]) {
    expect([text, parseInt64(Buffer.from(text), 0, text.length)]).toEqual([text, false]);
  }
});

describe("listpack", () => {
  test("every integer and string encoding is as the format says", () => {
    const model = new ListpackModel();
    const samples = [...EDGES.map((edge) => BigInt.asIntN(64, edge)), ..."x"]
      .concat([0, 1, 63, 64, 4095, 4096, 16378, 16380, 2097146, 2097147].map((length) => "y".repeat(length)))
      .concat(["-0", "007", "9223372036854775808"]);
    for (const sample of samples) model.insert(model.texts.length, String(sample));
    const bytes = model.packed.content();
    expect(Buffer.compare(bytes, listpackOf(samples))).toBe(0);
    for (const value of [0, 127, 128, -4096, 32768, -8388609, 2 ** 31, -(2 ** 53) + 1]) {
      expect(measureInteger(value)).toBe(measureElement(Buffer.from(`${value}`), 0, `${value}`.length));
    }
  });

  test("random changes against an array", () => {
    const random = seededRandom("listpack-writer");
    const below = (limit: number) => Math.floor(random() * limit);
    const model = new ListpackModel();
    for (let step = 0; step < 4000; step++) {
      const size = model.texts.length;
      const kind = below(10);
      if (kind < 5 || size === 0) model.insert(below(size + 1), randomText(random));
      else if (kind < 7) model.replace(below(size), randomText(random));
      else if (kind < 9) model.remove(below(size), 1);
      else model.remove(below(size), below(6));
      if (step % 50 === 0) model.check();
    }
    model.check();
  });

  test("split and append are each other's opposite", () => {
    const model = new ListpackModel();
    for (let i = 0; i < 300; i++) model.insert(i, i % 3 === 0 ? `${i * 1001}` : `text ${i}`);
    const whole = model.packed.content();
    for (const at of [0, 1, 150, 299, 300]) {
      const { writer, packed } = model;
      const pos = writer.seek(at);
      const tail = new Uint8Array(writer.tailBytes(pos) + 3);
      writer.split(pos, 300 - at, tail, 3);
      expect(validateListpack(tail, 3, tail.length - 3, true)).toBeNull();
      expect(writer.headerCount).toBe(at);
      expect(validateListpack(packed.bytes, packed.at, writer.totalBytes, true)).toBeNull();
      writer.append(tail, 3, 300 - at);
      expect(Buffer.compare(packed.content(), whole)).toBe(0);
    }
  });

  test("more elements than the header counts", () => {
    const model = new ListpackModel();
    model.packed.reserve(200_000 + LISTPACK_EMPTY_BYTES);
    model.writer.open(model.packed.bytes, model.packed.at);
    for (let i = 0; i < 65_534; i++) model.writer.insertInteger(model.writer.end, i & 63);
    expect(model.writer.headerCount).toBe(65_534);
    model.writer.insertInteger(model.writer.end, 1);
    expect(model.writer.headerCount).toBe(-1);
    expect(model.writer.remove(model.writer.first, 10)).toBe(10);
    expect(model.writer.headerCount).toBe(-1);
  });

  test("bytes that are no listpack's are an error, not an endless way", () => {
    const bytes = Uint8Array.from([12, 0, 0, 0, 2, 0, 0xff, 0xf5, 0x85, 1, 2, 0xff]);
    const writer = new ListpackWriter().open(bytes, 0);
    expect(() => writer.next(6)).toThrow("listpack");
    expect(() => writer.next(7)).toThrow("listpack");
    expect(() => writer.previous(8)).toThrow("listpack");
  });
});

describe("intset", () => {
  test("random changes against a set, with the widths' edges", () => {
    const random = seededRandom("intset-writer");
    for (let round = 0; round < 60; round++) {
      const packed = new Packed(INTSET_EMPTY_BYTES);
      writeEmptyIntset(packed.bytes, packed.at);
      const model = new Set<bigint>();
      let width = 2;
      const reach = [14, 18, 34, 62][Math.floor(random() * 4)] as number;
      for (let step = 0; step < 120; step++) {
        let value = BigInt(Math.floor((random() - 0.5) * 2 ** reach));
        if (random() < 0.2) value = BigInt.asIntN(64, EDGES[Math.floor(random() * EDGES.length)] as bigint);
        const text = Buffer.from(`${value}`);
        parseInt64(text, 0, text.length);
        if (random() < 0.3) {
          expect(removeFromIntset(packed.bytes, packed.at)).toBe(model.delete(value));
        } else {
          const size = bytesWith(packed.bytes, packed.at);
          expect(size === 0).toBe(model.has(value));
          if (size === 0) continue;
          packed.reserve(size);
          width = Math.max(width, int64.width);
          addToIntset(packed.bytes, packed.at);
          model.add(value);
        }
        packed.size = intsetBytes(packed.bytes, packed.at);
        expect(packed.size).toBe(8 + width * model.size);
      }
      if (model.size === 0) continue;
      const bytes = packed.content();
      expect(validateIntset(bytes, 0, bytes.length, true)).toBeNull();
      const reader = new Intset().open(bytes, 0, bytes.length);
      const element = new Element();
      const sorted = [...model].sort((a, b) => (a < b ? -1 : 1));
      for (const [place, value] of sorted.entries()) {
        reader.next(element);
        expect(element.text().text()).toBe(`${value}`);
        readFromIntset(bytes, 0, place);
        expect(findInIntset(bytes, 0)).toBe(place);
      }
    }
  });
});

describe.skipIf(!redisInstalled)("as redis-server", () => {
  let server: RedisServer;
  const many = ["--list-max-listpack-size", "-5", "--hash-max-listpack-entries", "10000"];
  beforeAll(async () => {
    const long = ["--hash-max-listpack-value", "10000", "--rdbcompression", "no"];
    server = await RedisServer.start([...many, ...long, "--save", ""]);
  });
  afterAll(() => server?.stop());

  test("a list: pushes, inserts, sets, pops, trims", async () => {
    const random = seededRandom("list-bytes");
    const below = (limit: number) => Math.floor(random() * limit);
    for (let round = 0; round < 12; round++) {
      const key = `list${round}`;
      const model = new ListpackModel();
      const commands: (string | number)[][] = [];
      for (let step = 0; step < 60; step++) {
        const size = model.texts.length;
        const text = randomText(random);
        const kind = below(10);
        if (kind < 3 || size < 2) {
          commands.push(["RPUSH", key, text]);
          model.insert(size, text);
        } else if (kind < 5) {
          commands.push(["LPUSH", key, text]);
          model.insert(0, text);
        } else if (kind < 7) {
          const index = below(size);
          const pivot = model.texts[index] as string;
          const first = model.texts.indexOf(pivot);
          commands.push(["LINSERT", key, kind === 5 ? "BEFORE" : "AFTER", pivot, text]);
          model.insert(kind === 5 ? first : first + 1, text);
        } else if (kind < 8) {
          const index = below(size);
          commands.push(["LSET", key, index, text]);
          model.replace(index, text);
        } else if (kind < 9) {
          commands.push(["RPOP", key]);
          model.remove(size - 1, 1);
        } else {
          const from = below(3);
          if (from >= size) continue;
          commands.push(["LTRIM", key, from, -1]);
          model.remove(0, from);
        }
      }
      await server.connection.sendAll(commands);
      expect(Buffer.compare(await dumped(server, key), model.packed.content())).toBe(0);
      model.check();
    }
  });

  test("a hash: fields set, set anew, deleted", async () => {
    const random = seededRandom("hash-bytes");
    const model = new ListpackModel();
    const commands: string[][] = [];
    for (let step = 0; step < 600; step++) {
      const field = `field ${Math.floor(random() * 60)}`;
      const found = model.texts.findIndex((text, i) => i % 2 === 0 && text === field);
      if (random() < 0.7) {
        const value = randomText(random);
        commands.push(["HSET", "hash", field, value]);
        if (found >= 0) model.replace(found + 1, value);
        else {
          model.insert(model.texts.length, field);
          model.insert(model.texts.length, value);
        }
      } else {
        commands.push(["HDEL", "hash", field]);
        if (found >= 0) model.remove(found, 2);
      }
    }
    await server.connection.sendAll(commands);
    expect(Buffer.compare(await dumped(server, "hash"), model.packed.content())).toBe(0);
    model.check();
  });

  test("an intset: members added in any order, removed", async () => {
    const random = seededRandom("intset-bytes");
    for (const reach of [14, 20, 31, 40, 62]) {
      const packed = new Packed(INTSET_EMPTY_BYTES);
      writeEmptyIntset(packed.bytes, packed.at);
      const key = `set${reach}`;
      const commands: string[][] = [];
      for (let step = 0; step < 250; step++) {
        const text = Buffer.from(`${BigInt(Math.floor((random() - 0.5) * 2 ** (1 + random() * reach)))}`);
        parseInt64(text, 0, text.length);
        if (random() < 0.2) {
          commands.push(["SREM", key, text.toString()]);
          removeFromIntset(packed.bytes, packed.at);
          packed.size = intsetBytes(packed.bytes, packed.at);
        } else {
          commands.push(["SADD", key, text.toString()]);
          const size = bytesWith(packed.bytes, packed.at);
          if (size === 0) continue;
          packed.reserve(size);
          addToIntset(packed.bytes, packed.at);
        }
      }
      await server.connection.sendAll(commands);
      expect(Buffer.compare(await dumped(server, key), packed.content())).toBe(0);
    }
  });
});
