/** Many entries of a stream given out at once, in slices: as redis-server answers, others are served meanwhile, and nobody sees it half done. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { LivePair } from "../../test/support/live-pair.ts";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import { encodeCommand, RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { withoutTimes } from "../../test/support/stream-replies.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import { nativeRoot } from "../keyspace/native.ts";
import { ArenaFull } from "../overlay/arena.ts";
import { Record } from "../rdb/record.ts";

const TIMEOUT_MS = 60_000;
/** Of 7.2's XINFO, or of now: number of entries of a map, name and value. */
const CLOCKED = new Set(["seen-time", "active-time", "radix-tree-nodes", "idle", "inactive"]);

type Read = [[key: string, entries: [id: string, fields: string[] | null][]]];

const plain = (reply: RespValue) => withoutTimes(reply, CLOCKED);

function entryOf(i: number): string[] {
  return ["XADD", "s", `${i}-${i % 3}`, "n", `${i}`, ...(i % 7 === 0 ? ["m", "x".repeat(i % 90)] : [])];
}

async function fill(client: RespClient, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1000) {
    await client.pipeline(Array.from({ length: Math.min(1000, to - i) }, (_, k) => entryOf(i + k)));
  }
}

const idsOf = (from: number, to: number, step: number) => {
  const ids: string[] = [];
  for (let i = from; i < to; i += step) ids.push(`${i}-${i % 3}`);
  return ids;
};

const LINES = `
XGROUP CREATE s g 0
XGROUP CREATE s h 0
XGROUP CREATE s mid 1500
XREADGROUP GROUP g a COUNT 512 STREAMS s >
XREADGROUP GROUP g a COUNT 513 STREAMS s >
XREADGROUP GROUP g a STREAMS s 0
XREADGROUP GROUP g a COUNT 513 STREAMS s 0
XREADGROUP GROUP g a COUNT 512 STREAMS s 0
XREADGROUP GROUP g a COUNT 600 STREAMS s 300-0
XREADGROUP GROUP g a STREAMS s 511
XREADGROUP GROUP g a STREAMS s 512
XREADGROUP GROUP g a STREAMS s 513
XREADGROUP GROUP g nobody STREAMS s 0
XREADGROUP GROUP g b STREAMS s >
XREADGROUP GROUP g b STREAMS s >
XREADGROUP GROUP g b STREAMS s 18446744073709551615-18446744073709551615
XREADGROUP GROUP g b STREAMS s 5000
XREADGROUP GROUP h a NOACK STREAMS s >
XREADGROUP GROUP h a STREAMS s 0
XREADGROUP GROUP mid a BLOCK 10 STREAMS s >
XREADGROUP GROUP mid a BLOCK 10 STREAMS s >
XDEL s 3-0 4-1 5-2 700-1 2999-2 3000-0
DELETE 1000 1300
XREADGROUP GROUP g a STREAMS s 0
XREADGROUP GROUP g b STREAMS s 0
XREADGROUP GROUP g b COUNT 1000 STREAMS s 1200-1
XGROUP SETID s g 100
XREADGROUP GROUP g c STREAMS s >
XGROUP SETID s g 0 ENTRIESREAD 0
XREADGROUP GROUP g d COUNT 1500 STREAMS s >
XREADGROUP GROUP g d STREAMS s >
XGROUP SETID s h 0 ENTRIESREAD 7
XREADGROUP GROUP h a NOACK STREAMS s 18446744073709551615-18446744073709551615
XTRIM s MAXLEN 1200
XGROUP SETID s h 0
XREADGROUP GROUP h z STREAMS s >
XREADGROUP GROUP g d STREAMS s 0
XTRIM s MAXLEN 0
XREADGROUP GROUP g d STREAMS s 0
XREADGROUP GROUP g d STREAMS s >
XREADGROUP GROUP none d STREAMS s >
XREADGROUP GROUP g d STREAMS s x
XREADGROUP GROUP g d STREAMS s $
`;

const BIG = 30_000;

const byId = (_: string, from: string, to: string, step: string) =>
  idsOf(Number(from), Number(to), Number(step)).join(" ");

/** redis-server 7.0 makes a consumer when it claims something, 7.2 always: they are there before. */
const CLAIMS = `
XGROUP CREATE s g 0
XGROUP CREATECONSUMER s g c
XGROUP CREATECONSUMER s g d
XGROUP CREATECONSUMER s g e
XGROUP CREATECONSUMER s g f
XGROUP CREATECONSUMER s g g
XGROUP CREATECONSUMER s g h
XREADGROUP GROUP g a COUNT 2000 STREAMS s >
XREADGROUP GROUP g b STREAMS s >
XAUTOCLAIM s g c 0 0 COUNT 512
XAUTOCLAIM s g c 0 0 COUNT 513
XAUTOCLAIM s g c 0 0 COUNT 1500 JUSTID
XAUTOCLAIM s g d 0 700 COUNT 100000
XAUTOCLAIM s g d 3600000 0 COUNT 204
XAUTOCLAIM s g d 3600000 0 COUNT 205
XAUTOCLAIM s g d 3600000 0 COUNT 300
XAUTOCLAIM s g d 3600000 0 COUNT 512 JUSTID
XAUTOCLAIM s g d 3600000 (1000-1 COUNT 500
XDEL s 1-1 3-0 4-1 700-1 2999-2 3000-0
DELETE 1000 1300
XAUTOCLAIM s g e 3600000 0 COUNT 280
XAUTOCLAIM s g e 0 0 COUNT 1100
XAUTOCLAIM s g e 0 900 COUNT 513 JUSTID
XAUTOCLAIM s g e 0 0 COUNT 3000 JUSTID
XACK s g 5-2 6-0 7-1
XAUTOCLAIM s g f 0 - COUNT 3000
XAUTOCLAIM s g f 0 4000 COUNT 3000
XTRIM s MAXLEN 900
XAUTOCLAIM s g g 0 0 COUNT 600
XAUTOCLAIM s g g 0 0 COUNT 6000
XAUTOCLAIM s g h 0 0 COUNT 6000
XTRIM s MAXLEN 0
XAUTOCLAIM s g h 0 0 COUNT 6000
XAUTOCLAIM s g h 0 0 COUNT 6000
XAUTOCLAIM s none h 0 0 COUNT 6000
XAUTOCLAIM s g h 0 0 COUNT 0
`;

/** "IDS from to step" stands for IDs. */
const BY_ID = `
XGROUP CREATE s g 0
XGROUP CREATECONSUMER s g b
XREADGROUP GROUP g a COUNT 2000 STREAMS s >
XCLAIM s g b 0 IDS 1 513 1
XCLAIM s g b 0 IDS 1 514 1
XCLAIM s g b 0 IDS 1 2500 2 JUSTID
XCLAIM s g b 3600000 IDS 1 2500 2
XCLAIM s g b 3600000 IDS 1 2500 2 LASTID 2100-0
XCLAIM s g b 0 IDS 2001 3100 1 FORCE RETRYCOUNT 7 TIME 1000
XDEL s IDS 2 2900 3
XDEL s IDS 1 513 1
XDEL s IDS 1 3500 2 5-0 5-0
XCLAIM s g a 0 IDS 1 3000 1
XACK s g IDS 1 513 1
XACK s g IDS 100 1000 1 x
XACK s g IDS 100 3500 4 400-1
XACK s none IDS 1 1000 1
XDEL s IDS 1 1000 1 x
XDEL s IDS 1 3500 1
XACK s g IDS 1 3500 1
XDEL missing IDS 1 3500 1
`;

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  let pair: LivePair;
  beforeAll(async () => {
    pair = await LivePair.start("streams-many");
  });
  afterAll(() => pair.stop());

  async function same(...words: string[]): Promise<void> {
    const [mine, yours] = await Promise.all([pair.ours.command(...words), pair.theirs.command(...words)]);
    expect([words.slice(0, 9), plain(mine)]).toEqual([words.slice(0, 9), plain(yours)]);
  }

  async function play(lines: string): Promise<void> {
    for (const line of lines.trim().split("\n")) {
      const [name, from, to] = line.split(" ");
      if (name === "DELETE") await same("XDEL", "s", ...idsOf(Number(from), Number(to), 1));
      else await same(...line.replace(/IDS (\d+) (\d+) (\d+)/, byId).split(" "));
      await same("XINFO", "STREAM", "s", "FULL", "COUNT", "0");
      await sameChanges(line);
    }
  }

  async function sameChanges(line: string): Promise<void> {
    const changes = async (client: RespClient) =>
      String(await client.command("INFO")).match(/rdb_changes_since_last_save:\d+/g);
    expect([line, await changes(pair.ours)]).toEqual([line, await changes(pair.theirs)]);
  }

  for (const [what, where, prepare, lines] of [
    ["given out", "in memory", [], LINES],
    ["given out", "in the file", ["DEBUG", "RELOAD"], LINES],
    ["claimed", "in memory", [], CLAIMS],
    ["claimed", "in the file", ["DEBUG", "RELOAD"], CLAIMS],
    ["claimed, acknowledged and deleted by ID", "in memory", [], BY_ID],
    ["claimed, acknowledged and deleted by ID", "in the file", ["DEBUG", "RELOAD"], BY_ID],
  ] as const) {
    test(
      `entries of a stream ${where} are ${what}`,
      async () => {
        await pair.same("FLUSHALL");
        await Promise.all([fill(pair.ours, 1, 3001), fill(pair.theirs, 1, 3001)]);
        if (prepare.length > 0) await pair.same(...prepare);
        await play(lines);
        await pair.same("DEBUG", "RELOAD");
        await same("XINFO", "STREAM", "s", "FULL", "COUNT", "0");
      },
      TIMEOUT_MS,
    );
  }

  test("history of which only the first entry, or one in the midst, is there still", async () => {
    for (const left of [1, 350]) {
      await pair.same("FLUSHALL");
      await Promise.all([fill(pair.ours, 1, 701), fill(pair.theirs, 1, 701)]);
      await same("XGROUP", "CREATE", "s", "g", "0");
      await same("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">");
      await same("XDEL", "s", ...idsOf(1, 701, 1).filter((_, i) => i + 1 !== left));
      await same("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0");
    }
  });

  test(
    "a save that is asked for in the midst of it has all of it",
    async () => {
      await pair.same("FLUSHALL");
      await Promise.all([fill(pair.ours, 1, BIG + 1), fill(pair.theirs, 1, BIG + 1)]);
      await pair.same("XGROUP", "CREATE", "s", "g", "0");
      const other = await pair.folio.connect();
      for (const from of [">", "0"]) {
        const reply = same("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", from);
        const save = await other.command("BGSAVE");
        const added = await other.command("XADD", "s", `${BIG + 1 + (from === "0" ? 1 : 0)}-0`, "n", "last");
        await pair.theirs.command("XADD", "s", added as string, "n", "last");
        expect(save).toBe("+Background saving started");
        await reply;
        await pair.saved();
        await same("XINFO", "STREAM", "s", "FULL", "COUNT", "0");
      }
      other.close();
      await pair.restart();
      // The save may have begun before the last entry was added.
      const [[pending], length] = [
        (await pair.ours.command("XPENDING", "s", "g")) as number[],
        await pair.ours.command("XLEN", "s"),
      ];
      expect(pending).toBe(BIG);
      expect([BIG + 1, BIG + 2]).toContain(length as number);
    },
    TIMEOUT_MS,
  );
});

describe("others meanwhile", () => {
  let server: StubServer;
  let client: RespClient;
  let other: RespClient;
  beforeEach(async () => {
    server = new StubServer();
    client = await RespClient.connect(server.port);
    other = await RespClient.connect(server.port);
    await fill(client, 1, BIG + 1);
    await client.command("XGROUP", "CREATE", "s", "g", "0");
  });
  afterEach(() => {
    client.close();
    other.close();
    server.stop();
  });

  const keyspace = () => server.keyspace;
  const NEW = ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"];
  const HISTORY = ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0"];

  async function begun(...command: readonly string[]): Promise<Promise<RespValue>[]> {
    const reply = client.command(...command);
    while (keyspace().changing === 0) await Bun.sleep(0);
    return [reply];
  }

  const CLAIM = ["XAUTOCLAIM", "s", "g", "d", "0", "0", "COUNT", "1000000"];
  const CLAIMED_IDS = [...CLAIM, "JUSTID"];
  /** What gives out entries, and the consumer that all are pending for then. */
  const COMMANDS = [
    ["new entries", NEW],
    ["history", HISTORY],
    ["claimed entries", CLAIM],
    ["claimed IDs", CLAIMED_IDS],
  ] as const;

  /** Entries of a reply, those of XAUTOCLAIM's, too; where it has IDs alone, as if they had fields. */
  function entriesOf(reply: RespValue): [id: string, fields: string[] | null][] {
    const first = (reply as unknown[])[0];
    if (typeof first !== "string") return (reply as Read)[0][1];
    const claimed = (reply as [string, (string | [string, string[]])[]])[1];
    return claimed.map((entry) => (typeof entry === "string" ? [entry, ["n"]] : entry));
  }

  /** All that is there is pending for a consumer, unless the command asks for what is new. */
  async function prepare(command: readonly string[]): Promise<void> {
    if (command !== NEW) await client.command(...NEW);
  }

  async function idle(): Promise<void> {
    const { arena } = keyspace().database(0).ensureTop();
    for (let i = 0; i < 100 && keyspace().pins.count > 0; i++) await Bun.sleep(1);
    expect([keyspace().changing, arena.readers.size, arena.awaited.size, keyspace().pins.count]).toEqual([0, 0, 0, 0]);
    expect(server.logged.filter((line) => line.includes("nexpected"))).toEqual([]);
  }

  for (const [name, command] of COMMANDS) {
    test(
      `${name}: others are served while they are given out, and while they are written`,
      async () => {
        await prepare(command);
        const [reply] = await begun(...command);
        let [changing, all] = [0, 0];
        let isOver = false;
        const ended = (reply as Promise<RespValue>).then((value) => {
          isOver = true;
          return value;
        });
        while (!isOver) {
          await other.command("PING");
          all++;
          if (keyspace().changing > 0) changing++;
        }
        expect(entriesOf(await ended).length).toBe(BIG);
        expect([changing > 2, all - changing > 2]).toEqual([true, true]);
        await idle();
      },
      TIMEOUT_MS,
    );

    test(
      `${name}: what changes the stream comes before or after`,
      async () => {
        await prepare(command);
        const [reply] = await begun(...command);
        const others = Promise.all([
          other.command("XDEL", "s", ...idsOf(1, BIG, 2)),
          other.command("XADD", "s", `${BIG + 1}-0`, "n", "last"),
          other.command("XACK", "s", "g", ...idsOf(1, BIG, 3)),
          other.command("XTRIM", "s", "MAXLEN", "5"),
          other.command("XPENDING", "s", "g"),
        ]);
        const entries = entriesOf((await reply) as RespValue);
        expect([entries.length, entries.filter(([, fields]) => fields === null).length]).toEqual([BIG, 0]);
        expect(entries[BIG - 1]?.[0]).toBe(`${BIG}-${BIG % 3}`);
        const [deleted, added, acknowledged, trimmed, [pending]] = (await others) as unknown as [
          number,
          string,
          number,
          number,
          [number],
        ];
        expect([deleted, added, acknowledged, trimmed, pending]).toEqual([
          BIG / 2,
          `${BIG + 1}-0`,
          BIG / 3,
          BIG / 2 - 4,
          (BIG * 2) / 3,
        ]);
        await idle();
      },
      TIMEOUT_MS,
    );

    for (const removal of [
      ["DEL", "s"],
      ["FLUSHALL"],
      ["SET", "s", "x"],
      ["PEXPIRE", "s", "1"],
      ["SWAPDB", "0", "1"],
    ]) {
      test(
        `${name}: ${removal[0]} meanwhile leaves the reply whole, and no memory`,
        async () => {
          await prepare(command);
          const [reply] = await begun(...command);
          await other.command(...removal);
          expect(await other.command("XLEN", "s").catch(String)).toSatisfy((answer) =>
            removal[0] === "SET" ? String(answer).includes("WRONGTYPE") : answer === 0 || answer === BIG,
          );
          const entries = entriesOf((await reply) as RespValue);
          expect(entries.map(([id]) => id)).toEqual(idsOf(1, BIG + 1, 1));
          expect(entries.every(([, fields]) => fields?.[0] === "n")).toBe(true);
          await idle();
          if (removal[0] === "SWAPDB") await other.command("SWAPDB", "0", "1");
          await other.command("FLUSHALL");
          while (keyspace().tick(true));
          expect(keyspace().tally.dyingObjects).toBe(0);
        },
        TIMEOUT_MS,
      );
    }
  }

  test(
    "what is deleted while the reply is written is in it",
    async () => {
      const reply = client.command(...NEW);
      while (keyspace().changing === 0) await Bun.sleep(0);
      while (keyspace().changing > 0) await Bun.sleep(0);
      const answers = Promise.all([other.command("XTRIM", "s", "MAXLEN", "0"), other.command("DEL", "s")]);
      expect(entriesOf(await reply).length).toBe(BIG);
      expect(await answers).toEqual([BIG, 1]);
      await idle();
    },
    TIMEOUT_MS,
  );

  test(
    "two consumers of a group are given nothing twice",
    async () => {
      const [first] = await begun("XREADGROUP", "GROUP", "g", "c", "COUNT", "20000", "STREAMS", "s", ">");
      const second = other.command("XREADGROUP", "GROUP", "g", "d", "STREAMS", "s", ">");
      const ids = [...entriesOf((await first) as RespValue), ...entriesOf(await second)].map(([id]) => id);
      expect(ids).toEqual(idsOf(1, BIG + 1, 1));
      await idle();
    },
    TIMEOUT_MS,
  );

  test(
    "who waited to change the stream, but has not looked again, does not make it begin anew",
    async () => {
      const { arena } = keyspace().database(0).ensureTop();
      const key = new TextEncoder().encode("s");
      const record = new Record();
      expect(keyspace().database(0).find(key, 0, key.length, Date.now(), record)).toBe(true);
      const root = nativeRoot(record);
      arena.awaited.set(root, 1);
      const entries = entriesOf(
        await client.command("XREADGROUP", "GROUP", "g", "c", "COUNT", "513", "STREAMS", "s", ">"),
      );
      arena.awaited.delete(root);
      expect([entries.length, ((await client.command("XPENDING", "s", "g")) as number[])[0]]).toEqual([513, 513]);
    },
    TIMEOUT_MS,
  );

  for (const [changes, ...command] of [
    [BIG, "XDEL", "s"],
    [BIG, "XACK", "s", "g"],
    [BIG, "XCLAIM", "s", "g", "d", "0"],
  ] as const) {
    test(
      `${command[0]} of many IDs is seen before or after, and others are served`,
      async () => {
        await client.command(...NEW);
        const [reply] = await begun(...command, ...idsOf(1, BIG + 1, 1));
        expect(await other.command("PING")).toBe("+PONG");
        expect(keyspace().changing).toBe(1);
        const left = other.command("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0");
        const answer = (await reply) as RespValue;
        expect(Array.isArray(answer) ? answer.length : answer).toBe(changes);
        const still = entriesOf(await left);
        expect(still.filter(([, fields]) => fields !== null)).toEqual([]);
        expect(still.length).toBe(command[0] === "XDEL" ? BIG : 0);
        await idle();
      },
      TIMEOUT_MS,
    );
  }

  test(
    "a client that leaves in the midst of it: the change goes on to its end",
    async () => {
      const leaving = await RawSocket.connect(server.port);
      leaving.send(encodeCommand(NEW));
      while (keyspace().changing === 0) await Bun.sleep(0);
      leaving.close();
      expect(((await other.command("XPENDING", "s", "g")) as number[])[0]).toBe(BIG);
      await idle();
    },
    TIMEOUT_MS,
  );

  test(
    "a consumer that asks often for few new ones is answered at once",
    async () => {
      await client.command(...NEW);
      await client.command("XADD", "s", `${BIG + 1}-0`, "n", "a");
      await client.command("XADD", "s", `${BIG + 2}-0`, "n", "b");
      const { changing } = keyspace();
      const reply = client.command(...NEW);
      const seen: number[] = [];
      let isOver = false;
      const ended = reply.finally(() => {
        isOver = true;
      });
      while (!isOver) {
        seen.push(keyspace().changing);
        await Bun.sleep(0);
      }
      expect(entriesOf(await ended).map(([id]) => id)).toEqual([`${BIG + 1}-0`, `${BIG + 2}-0`]);
      expect([changing, Math.max(0, ...seen)]).toEqual([0, 0]);
      expect(await client.command(...NEW)).toBeNull();
    },
    TIMEOUT_MS,
  );

  test(
    "without memory it goes as far as it comes: what was given out is pending, the rest is new",
    async () => {
      const { arena } = keyspace().database(0).ensureTop();
      const { allocate } = arena;
      let left = 5000;
      arena.allocate = (bytes: number) => {
        if (left-- <= 0) throw new ArenaFull(bytes);
        return allocate.call(arena, bytes);
      };
      const { dirty } = keyspace();
      expect(await client.command(...NEW)).toStartWith("-OOM");
      arena.allocate = allocate;
      await idle();
      expect(keyspace().dirty).toBeGreaterThan(dirty);
      const given = entriesOf(await client.command(...HISTORY));
      expect(given.length).toBeGreaterThan(2000);
      const rest = entriesOf(await client.command(...NEW));
      expect([...given, ...rest].map(([id]) => id)).toEqual(idsOf(1, BIG + 1, 1));
    },
    TIMEOUT_MS,
  );
});
