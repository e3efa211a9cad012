/** RESTORE beside redis-server: options in every combination, hostile payloads, the key as it was after each error. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Differential } from "../../test/support/differential.ts";
import { sameGenericWrites } from "../../test/support/generic-writes.ts";
import { type RedisServer, redisInstalled, type Word } from "../../test/support/redis-server.ts";
import { Crc64 } from "../rdb/crc64.ts";
import { dumpVersion } from "../rdb/dump.ts";
import { objectType, RdbType, VALKEY_TYPE_BASE } from "../rdb/opcodes.ts";
import { bytesOf, listpack, rdbString, SAMPLES } from "../rdb/samples.ts";
import { rows as debug } from "./debug.ts";
import { rows as keys } from "./keys.ts";
import { rows as strings } from "./strings.ts";
import { writes } from "./writes/index.ts";

const FAR_MS = 4_000_000_000_000;
const FLAGS = ["--enable-debug-command", "yes", "--sanitize-dump-payload", "yes", "--save", ""];
const UNSEALED = "-ERR DUMP payload version or checksum are wrong\r\n";
const BAD = "-ERR Bad data format\r\n";

function sealed(type: number, value: Uint8Array, version = Math.max(dumpVersion(type), 6)): Uint8Array {
  const body = bytesOf(type % VALKEY_TYPE_BASE, value, version & 255, version >> 8);
  const { low, high } = new Crc64().update(body);
  return bytesOf(
    body,
    [low, high].flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 255)),
  );
}

const TEXT = sealed(RdbType.STRING, rdbString("value"));
const HASH = sealed(RdbType.HASH, bytesOf(1, rdbString("f"), rdbString("v")));

async function fill(redis: RedisServer): Promise<void> {
  const many = Array.from({ length: 30_000 }, (_, i) => [`field ${i}`, `value ${i}`]).flat();
  await redis.connection.sendAll([
    ["DEBUG", "SET-ACTIVE-EXPIRE", "0"],
    ["RPUSH", "list", "a", "b"],
    ["SET", "text", "here", "PXAT", FAR_MS],
    ["SET", "expired", "gone", "PX", 1],
    ["SET", "expired2", "gone", "PX", 1],
    ["HSET", "huge", ...many],
    ["SADD", "hugeset", ...many],
    ["RPUSH", "hugelist", ...many],
    ["HSET", "deleted", ...many],
    ["ZADD", "hugezset", ...Array.from({ length: 20_000 }, (_, i) => [i / 4, `member ${i}`]).flat()],
    ["CONFIG", "RESETSTAT"],
  ]);
  await Bun.sleep(5);
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let both: Differential;

  beforeAll(async () => {
    both = await Differential.start([...keys, ...strings, ...debug, ...writes], fill, FLAGS);
  }, 60_000);
  afterAll(async () => await both?.stop());

  test("options, their errors and their order", async () => {
    const options = `0 |0 REPLACE|-1 REPLACE|x REPLACE|1.5|9223372036854775808 REPLACE|100000000000 REPLACE|
      ${FAR_MS} ABSTTL REPLACE|1 ABSTTL REPLACE|${FAR_MS} ABSTTL|0 ABSTTL REPLACE|
      9223372036854775807 REPLACE|0 REPLACE IDLETIME 10|0 REPLACE IDLETIME -1|0 REPLACE IDLETIME x|0 REPLACE IDLETIME|
      0 REPLACE FREQ 255|0 REPLACE FREQ 256|0 REPLACE FREQ -1|0 REPLACE FREQ 1 IDLETIME 1|0 REPLACE IDLETIME 1 FREQ 1|
      0 REPLACE IDLETIME 1 IDLETIME 2|0 FOO|-1|x|0 replace absttl idletime 5|0 REPLACE REPLACE`;
    const lines = options.split("|").map((line) => line.trim().split(" "));
    for (const payload of [TEXT, HASH, "", "short", "x".repeat(30)]) {
      for (const command of ["RESTORE", "RESTORE-ASKING"]) {
        for (const key of ["list", "text", "expired", "fresh", "expired2"]) {
          const commands = lines.map(([ttl = "", ...more]): Word[] => [command, key, ttl, payload, ...more]);
          await sameGenericWrites(both, commands, { keys: [key] });
        }
      }
    }
  }, 60_000);

  test("what redis-server dumps, large and small, under other names", async () => {
    for (const name of ["huge", "hugeset", "hugelist", "hugezset", "list", "text"]) {
      await both.redis.send("SELECT", 0);
      const payload = bulk(await both.redis.send("DUMP", name));
      const damaged = payload.slice();
      damaged[payload.length >> 1] = (damaged[payload.length >> 1] as number) ^ 1;
      const commands: Word[][] = [
        ["RESTORE", `copy:${name}`, 0, payload],
        ["RESTORE", `copy:${name}`, 0, payload],
        ["RESTORE", `copy:${name}`, FAR_MS, payload, "REPLACE", "ABSTTL"],
        ["RESTORE", `copy:${name}`, 0, damaged, "REPLACE"],
      ];
      await sameGenericWrites(both, commands, { keys: [name, `copy:${name}`] });
      // And back: what Folio dumps of it.
      both.folio.dbid = 0;
      await both.redis.send("SELECT", 0);
      const ours = bulk(both.folio.run("DUMP", `copy:${name}`));
      expect(await both.redis.send("RESTORE", "back", 0, ours, "REPLACE")).toBe("+OK\r\n");
      expect(both.folio.run("RESTORE", "back", "0", ours, "REPLACE")).toBe("+OK\r\n");
      await sameGenericWrites(both, [["EXISTS", "back"]], { keys: ["back", name] });
    }
  }, 60_000);

  test("another client takes the name while a big payload is being checked", async () => {
    await both.redis.send("SELECT", 0);
    const payload = bulk(await both.redis.send("DUMP", "huge"));
    const { folio } = both;
    folio.protocol = 2;
    folio.dbid = 0;
    folio.run("DEL", "taken");
    folio.between = () => {
      folio.between = () => {};
      folio.run("SET", "taken", "first");
    };
    expect(folio.run("RESTORE", "taken", "0", payload)).toBe("-BUSYKEY Target key name already exists.\r\n");
    expect(folio.run("GET", "taken")).toBe("$5\r\nfirst\r\n");
  });

  test("a key that changes while it is being measured is copied as it is then", () => {
    const { folio } = both;
    folio.protocol = 2;
    folio.dbid = 0;
    const cases = [
      ["COPY", "huge", ":1\r\n"],
      ["RENAME", "hugeset", "+OK\r\n"],
      ["MOVE", "hugezset", ":1\r\n"],
    ] as const;
    for (const [command, name, answer] of cases) {
      folio.between = () => {
        folio.between = () => {};
        folio.run("SET", name, "small");
      };
      expect(folio.run(command, name, command === "MOVE" ? "9" : "measured")).toBe(answer);
      expect(folio.slices).toBeGreaterThan(0);
      folio.dbid = command === "MOVE" ? 9 : 0;
      expect(folio.run("GET", command === "MOVE" ? name : "measured")).toBe("$5\r\nsmall\r\n");
      folio.run("DEL", "measured");
    }
    folio.dbid = 0;
    folio.between = () => {
      folio.between = () => {};
      folio.run("DEL", "deleted");
    };
    expect(folio.run("RENAME", "deleted", "measured")).toBe("-ERR no such key\r\n");
  });

  test("a time that only rounded numbers reach", () => {
    both.folio.run("RESTORE", "late", "9223372036854775807", TEXT, "ABSTTL");
    expect(both.folio.run("PEXPIRETIME", "late")).toBe(":9223372036854774784\r\n");
    expect(both.folio.run("GET", "late")).toBe("$5\r\nvalue\r\n");
  });
});

describe.skipIf(!redisInstalled)("payloads", () => {
  let both: Differential;

  beforeAll(async () => {
    both = await Differential.start(
      [...keys, ...debug, ...writes],
      async (redis) => void (await redis.send("SET", "k", "kept")),
      FLAGS,
    );
    both.folio.protocol = 2;
  });
  afterAll(async () => await both?.stop());

  const restored = (payload: Uint8Array, key = "new") => {
    both.folio.run("DEL", key);
    return both.folio.run("RESTORE", key, "0", payload);
  };

  test("of every type, and the same again from DUMP", () => {
    for (const { type, value } of SAMPLES) {
      const answer = restored(sealed(type, value));
      if (type === RdbType.MODULE_2) {
        expect(answer).toBe(BAD);
        continue;
      }
      expect([type, answer]).toEqual([type, "+OK\r\n"]);
      expect(both.folio.run("TYPE", "new")).toBe(`+${objectType(type)}\r\n`);
      const dump = bulk(both.folio.run("DUMP", "new"));
      expect(Buffer.from(dump).equals(sealed(type, value))).toBe(true);
    }
  });

  test("cut short, longer, of other versions, with another sum", () => {
    for (const { type, value } of SAMPLES) {
      const payload = sealed(type, value);
      for (let length = 0; length < payload.length; length++) {
        expect(restored(payload.slice(0, length))).toBe(UNSEALED);
      }
      for (let length = 0; length < value.length; length++) {
        expect([type, length, restored(sealed(type, value.slice(0, length)))]).toEqual([type, length, BAD]);
      }
      payload[payload.length - 1] = (payload.at(-1) as number) ^ 128;
      expect(restored(payload)).toBe(UNSEALED);
      both.folio.server.debug.skipsChecksums = true;
      expect(restored(payload)).toBe(type === RdbType.MODULE_2 ? BAD : "+OK\r\n");
      both.folio.server.debug.skipsChecksums = false;
    }
    for (const version of [0, 1, 5, 9, 10, 11, 12]) {
      expect(restored(sealed(RdbType.STRING, rdbString("x"), version))).toBe("+OK\r\n");
    }
    for (const version of [13, 79, 81, 256, 65535]) {
      expect(restored(sealed(RdbType.STRING, rdbString("x"), version))).toBe(UNSEALED);
    }
    // As Redis: what follows the value is not looked at, and not kept.
    expect(restored(sealed(RdbType.STRING, bytesOf(rdbString("x"), "rest")))).toBe("+OK\r\n");
    expect(both.folio.run("DUMP", "new")).toBe(both.folio.run("DUMP", "new"));
    expect(bulk(both.folio.run("DUMP", "new"))).toEqual(sealed(RdbType.STRING, rdbString("x")));
  });

  test("that claim more than there is", () => {
    const huge = [
      [0x80, 0xff, 0xff, 0xff, 0xff],
      [0x81, 0, 0, 0, 1, 0, 0, 0, 0],
      [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for (const length of huge) {
      for (let type = 0; type <= 25; type++) {
        expect([type, restored(sealed(type, bytesOf(length, "abc")))]).toEqual([type, BAD]);
        expect(restored(sealed(type, bytesOf(1, length, "abc")))).toBe(type === RdbType.STRING ? "+OK\r\n" : BAD);
        // An LZF string that would be 512 MB.
        const lzf = bytesOf(0xc3, 3, [0x80, 0x1f, 0xff, 0xff, 0xff], "abc");
        expect(restored(sealed(type, bytesOf(1, lzf)))).toBe(type === RdbType.STRING ? "+OK\r\n" : BAD);
      }
    }
  });

  test("whose inside is unsound, as redis-server judges with sanitize-dump-payload", async () => {
    const s = rdbString;
    const odd: (readonly [string, number, Uint8Array])[] = [
      ["empty list", RdbType.LIST, bytesOf(0)],
      ["empty set", RdbType.SET, bytesOf(0)],
      ["empty hash", RdbType.HASH, bytesOf(0)],
      ["empty listpack", RdbType.HASH_LISTPACK, s(listpack())],
      ["quicklist of empty nodes", RdbType.LIST_QUICKLIST_2, bytesOf(1, 2, s(listpack()))],
      ["quicklist with an empty node", RdbType.LIST_QUICKLIST_2, bytesOf(2, 2, s(listpack()), 2, s(listpack("a")))],
      ["quicklist of unknown nodes", RdbType.LIST_QUICKLIST_2, bytesOf(1, 3, s(listpack("a")))],
      ["member twice", RdbType.SET, bytesOf(2, s("a"), s("a"))],
      ["integer member twice", RdbType.SET, bytesOf(2, s("7"), 0xc0, 7)],
      ["field twice", RdbType.HASH, bytesOf(2, s("a"), s("1"), s("a"), s("2"))],
      ["zset member twice", RdbType.ZSET_2, bytesOf(2, s("a"), new Array(8).fill(0), s("a"), new Array(8).fill(0))],
      ["score nan", RdbType.ZSET_2, bytesOf(1, s("a"), [0, 0, 0, 0, 0, 0, 0xf8, 0x7f])],
      ["text score nan", RdbType.ZSET, bytesOf(1, s("a"), 253)],
      ["listpack field twice", RdbType.HASH_LISTPACK, s(listpack("a", "1", "a", "2"))],
      ["listpack of three", RdbType.HASH_LISTPACK, s(listpack("a", "1", "b"))],
      ["zset listpack member twice", RdbType.ZSET_LISTPACK, s(listpack("a", 1, "a", 2))],
      ["intset out of order", RdbType.SET_INTSET, s(bytesOf([2, 0, 0, 0, 2, 0, 0, 0], [5, 0, 1, 0]))],
      ["intset twice", RdbType.SET_INTSET, s(bytesOf([2, 0, 0, 0, 2, 0, 0, 0], [5, 0, 5, 0]))],
      ["intset empty", RdbType.SET_INTSET, s(bytesOf([2, 0, 0, 0, 0, 0, 0, 0]))],
      [
        "listpack element leads out",
        RdbType.HASH_LISTPACK,
        s(bytesOf([11, 0, 0, 0, 2, 0], [0xbf, 1, 0x01, 0x01], 0xff)),
      ],
      ["type 8", 8, s("x")],
      ["opcode", 250, s("x")],
      ["module of the release candidates", RdbType.MODULE_PRE_GA, s("x")],
    ];
    for (const [what, type, value] of odd) {
      const payload = sealed(type, value, 10);
      const theirs = await both.redis.send("RESTORE", "new", 0, payload, "REPLACE");
      expect([what, restored(payload)]).toEqual([what, theirs]);
      await both.redis.send("DEL", "new");
    }
    expect(restored(sealed(RdbType.SET_LISTPACK, s(listpack("a", "a"))))).toBe(BAD);
    expect(restored(sealed(RdbType.HASH_LISTPACK_EX, bytesOf(new Array(8).fill(0), s(listpack("a", "b", "c")))))).toBe(
      BAD,
    );
  });

  test("that are refused leave the key as it was", () => {
    for (const payload of [sealed(RdbType.SET, bytesOf(0)), sealed(8, bytesOf(1)), TEXT.slice(1)]) {
      expect(both.folio.run("RESTORE", "k", "0", payload, "REPLACE")[0]).toBe("-");
      expect(both.folio.run("DEBUG", "DIGEST-VALUE", "k")).toBe(both.folio.run("DEBUG", "DIGEST-VALUE", "k"));
      expect(both.folio.run("TYPE", "k")).toBe("+string\r\n");
    }
  });
});

/** The bytes of a bulk reply. */
function bulk(reply: string): Uint8Array {
  return new Uint8Array(Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1"));
}
