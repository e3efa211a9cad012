import { afterAll, beforeAll, describe, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { rows as bits } from "./bits.ts";
import { rows as hyperloglog } from "./hyperloglog.ts";
import { rows as lcs } from "./lcs.ts";
import { rows as strings } from "./strings.ts";

const RANGES = [0, 1, 2, 5, 7, 8, 9, 63, 64, 100, 1000, -1, -2, -5, -8, -9, -64, -100, -1000, "9223372036854775807"];

async function fill(redis: RedisServer): Promise<void> {
  const strings: [string, string][] = [
    ["empty", ""],
    ["short", "Hello, World!"],
    ["int8", "-100"],
    ["int32", "123456789"],
    ["int64", "-9223372036854775808"],
    ["zeros", "\0".repeat(40)],
    ["ones", "\xff".repeat(40)],
    ["mixed", "\0\0\x0f\xf0\xff\xff\x80\x01abcdefgh\0\0\0"],
    ["compressed", "abcdefghij".repeat(5000)],
    ["random", Array.from({ length: 70_000 }, (_, i) => String.fromCharCode((i * i * 31 + (i >> 3)) & 255)).join("")],
    ["dna1", "ACGGTGCAAGTCCTAGGATCATACGATTTGACCAGT"],
    ["dna2", "GTCGTTCGGAATGCCGTTGCTCTGTAAATTACGACC"],
    ["not-hll", "HYLL no"],
    ["bad-hll", "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x00"],
    ["wrong-encoding-hll", `HYLL\x07${"\0".repeat(11)}`],
  ];
  for (const [key, value] of strings) await redis.send("SET", key, value);
  await redis.send("RPUSH", "list", "x");
  await redis.send("PFADD", "hll-none");
  for (const [key, count] of [
    ["hll-sparse", 100],
    ["hll-dense", 20_000],
    ["hll-cached", 50],
  ] as const) {
    for (let i = 0; i < count; i += 1000) {
      const elements = Array.from({ length: Math.min(1000, count - i) }, (_, k) => `${key.length % 2}:${i + k}`);
      await redis.send("PFADD", key, ...elements);
    }
  }
  await redis.send("PFCOUNT", "hll-cached");
}

describe.skipIf(!redisInstalled)("strings as redis-server answers them", () => {
  let both: Differential;
  beforeAll(async () => {
    both = await Differential.start([...strings, ...lcs, ...bits, ...hyperloglog], fill);
  });
  afterAll(() => both.stop());

  const keys = ["empty", "short", "int8", "int32", "int64", "zeros", "ones", "mixed", "compressed", "missing", "list"];

  test("GET, STRLEN, MGET", async () => {
    for (const key of [...keys, "random"]) {
      await both.same(["GET", key]);
      await both.same(["STRLEN", key]);
    }
    await both.same(["MGET", ...keys]);
    await both.same(["MGET", ...Array.from({ length: 1500 }, (_, i) => keys[i % keys.length] as string)]);
    await both.sameLines(`
      GET
      GET a b
      STRLEN
      MGET`);
  });

  test("GETRANGE, SUBSTR", async () => {
    for (const key of ["empty", "short", "int8", "compressed", "missing"]) {
      await both.sameAll(RANGES.flatMap((start) => RANGES.map((end) => ["GETRANGE", key, start, end])));
    }
    await both.same(["GETRANGE", "random", 10, 69_000]);
    await both.sameLines(`
      SUBSTR short 1 3
      GETRANGE list 0 1
      GETRANGE short a 1
      GETRANGE short 1 b
      GETRANGE short 1 1.5
      GETRANGE list x 1
      GETRANGE short 9223372036854775808 1`);
  });

  test("GETBIT, BITCOUNT, BITPOS", async () => {
    for (const key of keys) {
      for (const offset of [0, 1, 7, 8, 9, 20, 63, 319, 320, 4_294_967_295]) await both.same(["GETBIT", key, offset]);
      await both.same(["BITCOUNT", key]);
      await both.same(["BITPOS", key, 0]);
      await both.same(["BITPOS", key, 1]);
    }
    await both.same(["BITCOUNT", "random"]);
    for (const key of ["empty", "short", "zeros", "ones", "mixed"]) {
      const commands: Word[][] = [];
      for (const start of RANGES) {
        commands.push(["BITPOS", key, 0, start], ["BITPOS", key, 1, start]);
        for (const end of RANGES.slice(0, -1)) {
          for (const unit of [[], ["BIT"], ["byte"]]) {
            commands.push(["BITCOUNT", key, start, end, ...unit]);
            commands.push(["BITPOS", key, 0, start, end, ...unit], ["BITPOS", key, 1, start, end, ...unit]);
          }
        }
      }
      await both.sameAll(commands);
    }
    await both.sameLines(`
      GETBIT short -1
      GETBIT short x
      GETBIT short 4294967296
      GETBIT short 99999999999999
      BITCOUNT short 1
      BITCOUNT short 1 x
      BITCOUNT short 1 2 BITS
      BITCOUNT short 1 2 BIT more
      BITCOUNT missing 1
      BITCOUNT missing x y
      BITPOS short 2
      BITPOS short x
      BITPOS short 1 a
      BITPOS short 1 1 a
      BITPOS short 1 1 2 NIBBLE
      BITPOS short 1 1 2 BIT more
      BITPOS missing 1 a
      BITPOS list 1`);
  });

  test("BITFIELD_RO", async () => {
    const types = ["u1", "u4", "u8", "u16", "u63", "i1", "i5", "i8", "i33", "i64"];
    for (const key of ["short", "ones", "mixed", "int8", "missing"]) {
      const offsets = [0, 1, 7, 13, 100, 315, 320, 4000, "#0", "#1", "#3"];
      await both.sameAll(types.flatMap((type) => offsets.map((offset) => ["BITFIELD_RO", key, "GET", type, offset])));
      await both.same(["BITFIELD_RO", key, ...types.flatMap((type) => ["get", type, "3"])]);
    }
    await both.sameLines(`
      BITFIELD_RO short
      BITFIELD_RO short GET u8
      BITFIELD_RO short GET u64 0
      BITFIELD_RO short GET i65 0
      BITFIELD_RO short GET u0 0
      BITFIELD_RO short GET x8 0
      BITFIELD_RO short GET u8 -1
      BITFIELD_RO short GET u8 #
      BITFIELD_RO short GET u8 99999999999999
      BITFIELD_RO short SET u8 0 1
      BITFIELD_RO short SET u8 0 x
      BITFIELD_RO short INCRBY u8 0 1
      BITFIELD_RO short OVERFLOW SAT GET u8 0
      BITFIELD_RO short OVERFLOW NONE GET u8 0
      BITFIELD_RO list GET u8 0`);
  });

  test("LCS", async () => {
    for (const [a, b] of [
      ["dna1", "dna2"],
      ["dna2", "dna1"],
      ["short", "mixed"],
      ["short", "short"],
      ["short", "missing"],
      ["empty", "short"],
      ["int8", "int32"],
      ["ones", "zeros"],
    ] as const) {
      for (const options of [
        "",
        "LEN",
        "IDX",
        "IDX WITHMATCHLEN",
        "IDX MINMATCHLEN 2",
        "IDX MINMATCHLEN 4 WITHMATCHLEN",
      ]) {
        await both.same(["LCS", a, b, ...options.split(" ").filter((word) => word !== "")]);
      }
    }
    await both.sameLines(`
      LCS compressed dna1 LEN
      LCS compressed compressed
      LCS dna1 list
      LCS list dna1
      LCS dna1 dna2 LEN IDX
      LCS dna1 dna2 WHAT
      LCS dna1 dna2 MINMATCHLEN
      LCS dna1 dna2 IDX MINMATCHLEN x
      LCS dna1 dna2 IDX MINMATCHLEN -3
      LCS dna1`);
  });

  test("PFCOUNT", async () => {
    await both.sameLines(`
      PFCOUNT hll-none
      PFCOUNT hll-cached
      PFCOUNT hll-sparse
      PFCOUNT hll-dense
      PFCOUNT hll-sparse hll-dense
      PFCOUNT hll-sparse hll-cached missing hll-none
      PFCOUNT hll-dense hll-dense
      PFCOUNT missing
      PFCOUNT missing missing
      PFCOUNT list
      PFCOUNT short
      PFCOUNT int8
      PFCOUNT not-hll
      PFCOUNT wrong-encoding-hll
      PFCOUNT bad-hll
      PFCOUNT bad-hll hll-dense
      PFCOUNT hll-dense short`);
  });
});
