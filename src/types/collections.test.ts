/** Readers over hand-made records: orders, positions, expiries, encodings as Redis 7.2 would choose, hostile bytes. */
import { describe, expect, test } from "bun:test";
import {
  intsetOf,
  listpackOf,
  randomFrom,
  rdbLength,
  rdbString,
  recordBytes,
  testSeed,
  ziplistOf,
  zipmapOf,
} from "../../test/support/packed-samples.ts";
import { readValue } from "../../test/support/read-value.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { sourceOf } from "../util/byte-source.ts";
import { FormatError } from "../util/format-error.ts";
import { binaryBytes } from "../util/span.ts";
import { HashReader } from "./hash.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { ListReader } from "./list.ts";
import { SetReader } from "./set.ts";
import { ZsetReader } from "./zset.ts";

type Part = Uint8Array | readonly number[];

function record(type: number, ...value: readonly Part[]): Record {
  const record = new Record();
  record.valkey = type >= 256;
  record.readAt(sourceOf(recordBytes(type & 0xff, ...value)), 0);
  return record;
}

function strings(texts: readonly string[]): Part[] {
  return texts.map(rdbString);
}

function f64(value: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return Array.from(bytes);
}

function i64(value: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return Array.from(bytes);
}

const plainList = (texts: readonly string[]) => record(RdbType.LIST, rdbLength(texts.length), ...strings(texts));
const plainSet = (texts: readonly string[]) => record(RdbType.SET, rdbLength(texts.length), ...strings(texts));
const plainHash = (texts: readonly string[]) => record(RdbType.HASH, rdbLength(texts.length / 2), ...strings(texts));
const zset2 = (pairs: readonly (readonly [string, number])[]) =>
  record(RdbType.ZSET_2, rdbLength(pairs.length), ...pairs.flatMap(([m, s]) => [rdbString(m), f64(s)]));
const numbers = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `${i + from}`);

function quicklist2(nodes: readonly (string | readonly string[])[]): Record {
  const parts = nodes.flatMap((node) =>
    typeof node === "string" ? [rdbLength(1), rdbString(node)] : [rdbLength(2), rdbString(listpackOf(node))],
  );
  return record(RdbType.LIST_QUICKLIST_2, rdbLength(nodes.length), ...parts);
}

describe("list", () => {
  const texts = [...numbers(150), "big".repeat(50), ...numbers(100, 150)];
  const forms: [string, Record][] = [
    ["sequence", plainList(texts)],
    ["ziplist", record(RdbType.LIST_ZIPLIST, rdbString(ziplistOf(texts)))],
    [
      "quicklist",
      record(
        RdbType.LIST_QUICKLIST,
        rdbLength(3),
        ...[texts.slice(0, 100), [], texts.slice(100)].map((part) => rdbString(ziplistOf(part))),
      ),
    ],
    [
      "quicklist2",
      quicklist2([texts.slice(0, 150), texts[150] as string, [], texts.slice(151, 152), texts.slice(152)]),
    ],
  ];
  for (const [name, made] of forms) {
    test(`${name}: forwards, backwards, anywhere`, () => {
      const reader = new ListReader();
      reader.open(made);
      expect(reader.count).toBe(texts.length);
      const forwards: string[] = [];
      while (reader.next()) forwards.push(`${reader.index}:${reader.text().text()}`);
      expect(forwards).toEqual(texts.map((text, i) => `${i}:${text}`));
      const backwards: string[] = [];
      while (reader.previous()) backwards.push(`${reader.index}:${reader.text().text()}`);
      expect(backwards.reverse()).toEqual(forwards);
      expect(reader.next() && reader.text().text()).toBe("0");
      for (const index of [0, 1, 63, 64, 65, 99, 100, 149, 150, 151, 152, 250, 5]) {
        expect(reader.at(index) && reader.text().text()).toBe(texts[index] as string);
        expect(reader.at(index - texts.length) && reader.text().text()).toBe(texts[index] as string);
      }
      expect([reader.at(251), reader.at(-252)]).toEqual([false, false]);
      expect(() => reader.seek(252)).toThrow(RangeError);
    });

    test(`${name}: random steps`, () => {
      const random = randomFrom(testSeed());
      const reader = new ListReader();
      reader.open(made);
      let position = 0;
      for (let step = 0; step < 2000; step++) {
        const choice = random();
        if (choice < 0.45) {
          expect(reader.next()).toBe(position < texts.length);
          if (position < texts.length) expect(reader.text().text()).toBe(texts[position++] as string);
        } else if (choice < 0.9) {
          expect(reader.previous()).toBe(position > 0);
          if (position > 0) expect(reader.text().text()).toBe(texts[--position] as string);
        } else reader.seek((position = Math.floor(random() * (texts.length + 1))));
        expect(reader.position).toBe(position);
      }
    });
  }

  test("encoding", () => {
    const encoding = (made: Record, size = -2) => {
      const reader = new ListReader({ ...DEFAULT_LIMITS, "list-max-listpack-size": size });
      reader.open(made);
      const { encoding } = reader;
      expect(reader.next()).toBe(true);
      expect(reader.index).toBe(0);
      return encoding;
    };
    expect(encoding(plainList(["a", "b"]))).toBe("listpack");
    expect(encoding(plainList(["x".repeat(9000)]))).toBe("quicklist");
    expect(encoding(plainList(["x".repeat(9000)]), 5)).toBe("listpack");
    expect(encoding(plainList(numbers(6)), 5)).toBe("quicklist");
    expect(encoding(plainList(["x".repeat(8169), "y"]))).toBe("listpack");
    expect(encoding(plainList(["x".repeat(8170), "y"]))).toBe("quicklist");
    expect(encoding(plainList(numbers(2000)))).toBe("listpack");
    expect(encoding(record(RdbType.LIST_ZIPLIST, rdbString(ziplistOf(["a"]))))).toBe("quicklist");
    expect(encoding(record(RdbType.LIST_QUICKLIST, rdbLength(1), rdbString(ziplistOf(["a"]))))).toBe("listpack");
    expect(encoding(quicklist2([["a", "b"]]))).toBe("listpack");
    expect(encoding(quicklist2([["a"], []]))).toBe("listpack");
    expect(encoding(quicklist2([["a"], ["b"]]))).toBe("quicklist");
    expect(encoding(quicklist2(["a"]))).toBe("quicklist");
    expect(encoding(quicklist2([["x".repeat(8178)]]))).toBe("listpack");
    expect(encoding(quicklist2([["x".repeat(8179)]]))).toBe("quicklist");
    expect(encoding(quicklist2([["x".repeat(4090)]]), -1)).toBe("quicklist");
    expect(encoding(quicklist2([numbers(9)]), 8)).toBe("quicklist");
    expect(encoding(quicklist2([numbers(8)]), 8)).toBe("listpack");
  });

  test("a node with another count than its header says is refused", () => {
    for (const count of [2, 4]) {
      const wrong = rdbString(listpackOf(["a", "b", "c"], count));
      const reader = new ListReader();
      reader.open(record(RdbType.LIST_QUICKLIST_2, rdbLength(2), rdbLength(2), wrong, rdbLength(2), wrong));
      expect(() => {
        while (reader.next());
      }).toThrow(FormatError);
    }
  });
});

describe("set", () => {
  test("members and membership", () => {
    const members = ["1", "-5", "abc", "", "70000", "9007199254740993"];
    const integers = [-5n, 1n, 9007199254740993n];
    const forms: [readonly string[], Record][] = [
      [members, plainSet(members)],
      [members, record(RdbType.SET_LISTPACK, rdbString(listpackOf([1, -5, "abc", "", 70000, 9007199254740993n])))],
      [integers.map(String), record(RdbType.SET_INTSET, rdbString(intsetOf(integers, 8)))],
    ];
    for (const [expected, made] of forms) {
      const reader = new SetReader();
      reader.open(made);
      expect(reader.count).toBe(expected.length);
      const found: string[] = [];
      while (reader.next()) {
        found.push(reader.text().text());
        for (const member of expected) expect(reader.has(binaryBytes(member), 0, member.length)).toBe(true);
        expect(reader.has(binaryBytes("2"), 0, 1)).toBe(false);
      }
      expect(found.sort()).toEqual([...expected].sort());
      reader.rewind();
      expect(reader.next()).toBe(true);
    }
  });

  test("encoding", () => {
    const encoding = (made: Record) => {
      const reader = new SetReader();
      reader.open(made);
      const { encoding } = reader;
      let count = 0;
      while (reader.next()) count++;
      expect(count).toBe(reader.count);
      return encoding;
    };
    expect(encoding(plainSet(numbers(512)))).toBe("intset");
    expect(encoding(plainSet(numbers(513)))).toBe("hashtable");
    expect(encoding(plainSet([...numbers(127), "a"]))).toBe("listpack");
    expect(encoding(plainSet([...numbers(128), "a"]))).toBe("hashtable");
    expect(encoding(plainSet(["a", ...numbers(127)]))).toBe("listpack");
    expect(encoding(plainSet(["a", ...numbers(128)]))).toBe("hashtable");
    expect(encoding(plainSet(["a".repeat(64)]))).toBe("listpack");
    expect(encoding(plainSet(["a".repeat(65)]))).toBe("hashtable");
    expect(encoding(plainSet(["a", "b".repeat(65)]))).toBe("hashtable");
    const integers = (n: number) => Array.from({ length: n }, (_, i) => BigInt(i));
    expect(encoding(record(RdbType.SET_INTSET, rdbString(intsetOf(integers(512), 2))))).toBe("intset");
    expect(encoding(record(RdbType.SET_INTSET, rdbString(intsetOf(integers(513), 2))))).toBe("hashtable");
    expect(encoding(record(RdbType.SET_LISTPACK, rdbString(listpackOf(numbers(128)))))).toBe("listpack");
    expect(encoding(record(RdbType.SET_LISTPACK, rdbString(listpackOf(numbers(129)))))).toBe("hashtable");
  });
});

describe("hash", () => {
  const pairs = ["a", "1", "bb", "x".repeat(60), "", "empty field", "n", ""];
  const at = 1_000_000;
  const metadata = (type: number, base: readonly number[], expiry: (ms: number) => number) =>
    record(
      type,
      base,
      rdbLength(3),
      ...[
        [rdbLength(expiry(at - 1)), rdbString("gone"), rdbString("x")],
        [rdbLength(0), rdbString("stays"), rdbString("y")],
        [rdbLength(expiry(at + 5)), rdbString("later"), rdbString("z")],
      ].flat(),
    );
  const triples = listpackOf(["gone", "x", at - 1, "later", "z", at + 5, "stays", "y", 0]);
  const expiring: [string, Record][] = [
    ["metadata", metadata(RdbType.HASH_METADATA, i64(at - 1), (ms) => ms - (at - 1) + 1)],
    ["metadata of 7.4's candidates", metadata(RdbType.HASH_METADATA_PRE_GA, [], (ms) => ms)],
    ["listpack", record(RdbType.HASH_LISTPACK_EX, i64(at - 1), rdbString(triples))],
    ["listpack of 7.4's candidates", record(RdbType.HASH_LISTPACK_EX_PRE_GA, rdbString(triples))],
    [
      "Valkey's",
      record(
        RdbType.VALKEY_HASH_2,
        rdbLength(3),
        ...[
          [rdbString("gone"), rdbString("x"), i64(at - 1)],
          [rdbString("later"), rdbString("z"), i64(at + 5)],
          [rdbString("stays"), rdbString("y"), i64(-1)],
        ].flat(),
      ),
    ],
  ];

  test("fields, values, found and not", () => {
    const forms: Record[] = [
      plainHash(pairs),
      record(RdbType.HASH_LISTPACK, rdbString(listpackOf(pairs))),
      record(RdbType.HASH_ZIPLIST, rdbString(ziplistOf(pairs))),
      record(
        RdbType.HASH_ZIPMAP,
        rdbString(
          zipmapOf(
            [
              ["a", "1"],
              ["bb", "x".repeat(60)],
              ["", "empty field"],
              ["n", ""],
            ],
            1,
          ),
        ),
      ),
    ];
    for (const made of forms) {
      const reader = new HashReader();
      reader.open(made, 0);
      expect(reader.count).toBe(4);
      expect(reader.encoding).toBe("listpack");
      for (let i = 0; i < pairs.length; i += 2) {
        expect(reader.find(binaryBytes(pairs[i] as string), 0, (pairs[i] as string).length)).toBe(true);
        expect(reader.field.text().text()).toBe(pairs[i] as string);
        expect(reader.value.text().text()).toBe(pairs[i + 1] as string);
      }
      for (const absent of ["1", "b", "bbb", "A"])
        expect(reader.find(binaryBytes(absent), 0, absent.length)).toBe(false);
      reader.rewind();
      const all: string[] = [];
      while (reader.nextField()) all.push(reader.field.text().text(), reader.value.text().text());
      expect(all).toEqual(pairs);
    }
  });

  for (const [name, made] of expiring) {
    test(`${name} with expiries of its own`, () => {
      const reader = new HashReader();
      reader.open(made, at);
      expect(reader.count).toBe(2);
      const found: { [field: string]: unknown } = {};
      while (reader.nextField())
        found[reader.field.text().text()] = [reader.value.text().text(), reader.fieldExpireAtMs];
      expect(found).toEqual({ stays: ["y", -1], later: ["z", at + 5] });
      const find = (field: string) => reader.find(binaryBytes(field), 0, field.length) && reader.fieldExpireAtMs;
      expect([find("stays"), find("later"), find("gone"), find("x")]).toEqual([-1, at + 5, false, false]);
      reader.open(made, at + 6);
      expect(reader.count).toBe(1);
      reader.open(made, at - 1);
      expect(reader.count).toBe(3);
      expect(reader.encoding).toBe(name === "Valkey's" ? "hashtable" : "listpackex");
    });
  }

  test("encoding", () => {
    const encoding = (made: Record) => {
      const reader = new HashReader();
      reader.open(made, 0);
      return reader.encoding;
    };
    expect(encoding(plainHash(["a", "b".repeat(64)]))).toBe("listpack");
    expect(encoding(plainHash(["a", "b".repeat(65)]))).toBe("hashtable");
    expect(encoding(plainHash(["b".repeat(65), "a"]))).toBe("hashtable");
    expect(encoding(plainHash(numbers(1024)))).toBe("listpack");
    expect(encoding(plainHash(numbers(1026)))).toBe("hashtable");
    // Of packed forms Redis looks at the number of fields only; a zipmap it converts, and then looks at their size.
    expect(encoding(record(RdbType.HASH_LISTPACK, rdbString(listpackOf(["a", "b".repeat(65)]))))).toBe("listpack");
    expect(encoding(record(RdbType.HASH_ZIPLIST, rdbString(ziplistOf(numbers(1026)))))).toBe("hashtable");
    expect(encoding(record(RdbType.HASH_ZIPMAP, rdbString(zipmapOf([["a", "b".repeat(65)]]))))).toBe("hashtable");
  });

  test("an odd number of elements is refused", () => {
    const reader = new HashReader();
    expect(() => reader.open(record(RdbType.HASH_LISTPACK, rdbString(listpackOf(["a"]))), 0)).toThrow(FormatError);
  });
});

describe("sorted set", () => {
  const pairs: [string, number][] = [
    ["low", Number.NEGATIVE_INFINITY],
    ["a", -1.5],
    ["b", -1.5],
    ["ba", -1.5],
    ["10", 3],
    ["9", 3],
    ["high", Number.POSITIVE_INFINITY],
    ["higher", Number.POSITIVE_INFINITY],
  ];
  const scoreText = (score: number) =>
    Math.abs(score) === Number.POSITIVE_INFINITY ? `${score < 0 ? "-" : ""}inf` : `${score}`;
  const packed = pairs.flatMap(([member, score]) => [member, Number.isInteger(score) ? score : scoreText(score)]);
  const textScore = (score: number) =>
    Number.isFinite(score) ? [`${score}`.length, ...Buffer.from(`${score}`)] : [score > 0 ? 254 : 255];
  const shuffled = [3, 0, 7, 2, 5, 1, 6, 4].map((i) => pairs[i] as [string, number]);
  const forms: [string, Record][] = [
    ["listpack", record(RdbType.ZSET_LISTPACK, rdbString(listpackOf(packed)))],
    ["ziplist", record(RdbType.ZSET_ZIPLIST, rdbString(ziplistOf(packed)))],
    ["ascending sequence", zset2(pairs)],
    ["descending sequence", zset2([...pairs].reverse())],
    ["sequence in no order", zset2(shuffled)],
    [
      "text scores",
      record(RdbType.ZSET, rdbLength(8), ...[...pairs].reverse().flatMap(([m, s]) => [rdbString(m), textScore(s)])),
    ],
  ];
  for (const [name, made] of forms) {
    test(`${name}: in order, by rank, found`, () => {
      const reader = new ZsetReader();
      reader.open(made);
      expect(reader.count).toBe(pairs.length);
      expect(reader.encoding).toBe("listpack");
      let slices = 1;
      while (!reader.loadSome(3)) slices++;
      expect(slices).toBe(name === "sequence in no order" ? 11 : 3);
      const members = reader.sorted();
      const found: [string, number][] = [];
      for (let i = 0; i < members.count; i++) found.push([members.member(i).text().text(), members.score(i)]);
      expect(found).toEqual(pairs);
      pairs.forEach(([member, score], rank) => {
        expect(members.rankOf(binaryBytes(member), 0, member.length)).toBe(rank);
        expect(reader.find(binaryBytes(member), 0, member.length) && reader.score).toBe(score);
      });
      expect(members.rankOf(binaryBytes("c"), 0, 1)).toBe(-1);
      reader.rewind();
      const stored: [string, number][] = [];
      while (reader.next()) stored.push([reader.text().text(), reader.score]);
      expect(stored.sort()).toEqual([...pairs].sort());
    });
  }

  test("random members and scores, with many ties", () => {
    const random = randomFrom(testSeed());
    for (let round = 0; round < 30; round++) {
      const scores = new Map<string, number>();
      for (let i = 0; i < 300; i++) scores.set(`${Math.floor(random() * 1e6)}`, Math.floor(random() * 8) / 4);
      const expected = [...scores].sort((a, b) => a[1] - b[1] || Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
      const reader = new ZsetReader();
      reader.open(zset2([...scores]));
      const slice = 1 + Math.floor(random() * 400);
      while (!reader.loadSome(slice));
      const members = reader.sorted();
      const found: [string, number][] = [];
      for (let i = 0; i < members.count; i++) found.push([members.member(i).text().text(), members.score(i)]);
      expect(found).toEqual(expected);
    }
  });

  test("encoding", () => {
    const encoding = (made: Record) => {
      const reader = new ZsetReader();
      reader.open(made);
      return reader.encoding;
    };
    const many = (n: number) => numbers(n).map((text, i): [string, number] => [text, i]);
    expect(encoding(zset2(many(128)))).toBe("listpack");
    expect(encoding(zset2(many(129)))).toBe("skiplist");
    expect(encoding(zset2([["x".repeat(65), 1]]))).toBe("skiplist");
    expect(encoding(record(RdbType.ZSET_LISTPACK, rdbString(listpackOf(["x".repeat(65), 1]))))).toBe("listpack");
    expect(encoding(record(RdbType.ZSET_LISTPACK, rdbString(listpackOf(many(129).flat()))))).toBe("skiplist");
  });

  test("a score that is no number is refused", () => {
    const reader = new ZsetReader();
    for (const made of [
      record(RdbType.ZSET, rdbLength(1), rdbString("a"), [253]),
      record(RdbType.ZSET, rdbLength(1), rdbString("a"), [1, 0x78]),
      zset2([["a", Number.NaN]]),
      record(RdbType.ZSET_LISTPACK, rdbString(listpackOf(["a", "nan"]))),
    ]) {
      reader.open(made);
      expect(() => reader.next()).toThrow(FormatError);
    }
  });
});

test("cut or changed at any byte: a FormatError or another value, no hang, no huge allocation", () => {
  const random = randomFrom(testSeed());
  const wholes = [
    recordBytes(RdbType.LIST, rdbLength(3), ...strings(["a", "bb", "ccc"])),
    recordBytes(
      RdbType.LIST_QUICKLIST_2,
      rdbLength(2),
      rdbLength(2),
      rdbString(listpackOf(["a", 5])),
      rdbLength(1),
      rdbString("xyz"),
    ),
    recordBytes(RdbType.LIST_QUICKLIST, rdbLength(1), rdbString(ziplistOf(["a", 5]))),
    recordBytes(RdbType.SET_INTSET, rdbString(intsetOf([1n, 2n], 4))),
    recordBytes(RdbType.HASH_ZIPMAP, rdbString(zipmapOf([["a", "1"]]))),
    recordBytes(RdbType.HASH_LISTPACK_EX, i64(5), rdbString(listpackOf(["a", "b", 7]))),
    recordBytes(RdbType.HASH_METADATA, i64(5), rdbLength(1), rdbLength(1), ...strings(["a", "b"])),
    recordBytes(RdbType.ZSET, rdbLength(2), rdbString("m"), [3, 0x31, 0x2e, 0x35], rdbString("n"), [254]),
    recordBytes(RdbType.ZSET_2, rdbLength(1), rdbString("m"), f64(1)),
    recordBytes(
      RdbType.STREAM_LISTPACKS_3,
      rdbLength(1),
      rdbString(new Uint8Array(16)),
      rdbString(listpackOf([1, 0, 1, "f", 0, 2, 0, 1, "v", 4])),
      ...[1, 0, 1, 0, 1, 0, 0, 1].map(rdbLength),
      rdbLength(1),
      rdbString("g"),
      ...[0, 1, 1, 1].map(rdbLength),
      new Uint8Array(15),
      [1],
      i64(9),
      rdbLength(1),
      rdbLength(1),
      rdbString("c"),
      i64(9),
      i64(9),
      rdbLength(1),
      new Uint8Array(15),
      [1],
    ),
  ];
  const attempt = (bytes: Uint8Array) => {
    try {
      const made = new Record();
      made.readAt(sourceOf(bytes), 0);
      if (made.type <= RdbType.STREAM_LISTPACKS_3 || made.type >= RdbType.HASH_METADATA_PRE_GA) readValue(made, 0);
      return true;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return false;
    }
  };
  for (const whole of wholes) {
    expect(attempt(whole)).toBe(true);
    for (let at = 0; at < whole.length; at++) {
      expect(attempt(whole.slice(0, at))).toBe(false);
      for (const value of [0, 0x3f, 0x80, 0x81, 0xc3, 0xfe, 0xff, Math.floor(random() * 256)]) {
        const changed = whole.slice();
        changed[at] = value;
        attempt(changed);
      }
    }
  }
});
