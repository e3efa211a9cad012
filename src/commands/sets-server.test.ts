/** Sets on a server beside redis-server: reloads, saves, restarts, payloads of DUMP, and large ones while others change them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LivePair } from "../../test/support/live-pair.ts";
import { redisInstalled } from "../../test/support/redis-server.ts";
import type { RespClient } from "../../test/support/resp-client.ts";

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  integers: ["1", "-5", "9223372036854775807"],
  texts: ["a", "17", "member"],
  "many integers": Array.from({ length: 5000 }, (_, i) => `${i * 7}`),
  "many texts": Array.from({ length: 5000 }, (_, i) => `member ${i}`),
  long: ["x".repeat(5000), "y".repeat(70), "", "z"],
};
const KEYS = Object.keys(MEMBERS);
const BIG = 120_000;

describe.skipIf(!redisInstalled)("a server beside redis-server (skipped where none is installed)", () => {
  let live: LivePair;
  beforeAll(async () => {
    live = await LivePair.start("sets");
  });
  afterAll(() => live.stop());

  const same = (...words: string[]) => live.same(...words);
  const fillBig = async (key: string) => {
    for (let from = 0; from < BIG; from += 2000) {
      const words = Array.from({ length: 2000 }, (_, i) => `member ${from + i}`);
      await live.ours.command("SADD", key, ...words);
    }
  };
  /** Sends a command, and others once it has arrived: their replies. */
  const inTurn = async (first: string[], other: RespClient, ...others: string[][]) => {
    const reply = live.ours.command(...first);
    await Bun.sleep(5);
    return Promise.all([reply, ...others.map((words) => other.command(...words))]);
  };

  test("reloads, saves and restarts keep sets, and they are changed afterwards", async () => {
    const all = async () => {
      await same("DBSIZE");
      for (const key of KEYS) {
        await same("SCARD", key);
        await same("DEBUG", "DIGEST-VALUE", key);
      }
    };
    const change = async (member: string) => {
      for (const key of KEYS) {
        await same("SADD", key, member);
        await same("SREM", key, (MEMBERS[key] as string[])[0] as string, member === "third" ? "first" : "member 77");
        await same("SMOVE", key, "moved to", "member 80");
        await same("SMOVE", key, "many texts", "17");
      }
      await same("SUNIONSTORE", "union", ...KEYS);
      await same("SDIFFSTORE", "difference", "union", "many integers");
      await same("SINTERSTORE", "intersection", "union", "many texts");
      for (const key of ["union", "difference", "intersection"]) await same("DEBUG", "DIGEST-VALUE", key);
    };
    for (const key of KEYS) await same("SADD", key, ...(MEMBERS[key] as string[]));
    await all();
    expect(await live.ours.command("DEBUG", "RELOAD")).toBe("+OK");
    await all();
    await change("first");
    await all();
    expect(await live.ours.command("BGSAVE")).toBe("+Background saving started");
    await change("second");
    await all();
    await live.saved();
    await all();
    expect(await live.ours.command("SAVE")).toBe("+OK");
    await live.restart();
    await all();
    await change("third");
    await all();
  });

  test("copies, and payloads of DUMP, are the sets that they were", async () => {
    for (const key of KEYS) {
      await same("COPY", key, `copy of ${key}`);
      await same("DEBUG", "DIGEST-VALUE", `copy of ${key}`);
      await same("SADD", `copy of ${key}`, "another one");
      await same("DEBUG", "DIGEST-VALUE", key);
      await same("RENAME", `copy of ${key}`, "renamed");
      await same("DEBUG", "DIGEST-VALUE", "renamed");
      await same("SADD", "renamed", "and another");
      await same("DEBUG", "DIGEST-VALUE", "renamed");
      for (const from of [live.ours, live.theirs]) {
        const payload = (await from.command("DUMP", key)) as string;
        await live.ours.command("DEL", "restored");
        expect(await live.ours.command("RESTORE", "restored", "0", payload)).toBe("+OK");
        expect(await live.ours.command("DEBUG", "DIGEST-VALUE", "restored")).toEqual(
          await live.theirs.command("DEBUG", "DIGEST-VALUE", key),
        );
        expect(await live.ours.command("OBJECT", "ENCODING", "restored")).toBe(
          await live.ours.command("OBJECT", "ENCODING", key),
        );
        expect(await live.ours.command("SADD", "restored", "one more", "1")).toBeGreaterThan(0);
      }
    }
    await live.ours.command("DEL", "restored");
    await same("DEL", "renamed");
  });

  test("what takes slices is of one moment, whoever changes the sets meanwhile", async () => {
    await fillBig("big");
    await live.ours.command("SADD", "few", "member 1", "member 2", "nothing");
    const other = await live.folio.connect();
    const [members, , after] = await inTurn(
      ["SMEMBERS", "big"],
      other,
      ["SREM", "big", "member 0", "member 119999"],
      ["SCARD", "big"],
    );
    expect([(members as string[]).length, after]).toEqual([BIG, BIG - 2]);
    await other.command("SADD", "big", "member 0", "member 119999");
    const [stored, deleted] = await inTurn(["SUNIONSTORE", "stored", "big", "few"], other, ["DEL", "big"]);
    expect([stored, deleted, await live.ours.command("SCARD", "stored")]).toEqual([BIG + 1, 1, BIG + 1]);
    expect(await live.ours.command("SINTER", "few", "stored")).toBeArrayOfSize(3);
    const [inter, saving] = await inTurn(["SINTERSTORE", "stored again", "stored", "stored"], other, ["BGSAVE"]);
    expect([inter, saving]).toEqual([BIG + 1, "+Background saving started"]);
    expect(await other.command("SADD", "stored", "while it is saved")).toBe(1);
    await live.saved();
    expect([await live.ours.command("SCARD", "stored"), await live.ours.command("SCARD", "stored again")]).toEqual([
      BIG + 2,
      BIG + 1,
    ]);
    other.close();
  });

  test("SPOP of most and of all members, whatever others do to the key", async () => {
    const other = await live.folio.connect();
    await fillBig("popped");
    const [taken, there] = await inTurn(["SPOP", "popped", `${BIG - 100}`], other, [
      "SADD",
      "popped",
      "new",
      "member 5",
    ]);
    const left = new Set((await live.ours.command("SMEMBERS", "popped")) as string[]);
    expect((taken as string[]).length).toBe(BIG - 100);
    expect(left.size).toBe(100 + (there as number));
    for (const member of taken as string[]) if (member !== "member 5") expect(left.has(member)).toBe(false);
    await fillBig("popped");
    const [some, deleted] = await Promise.all([
      live.ours.command("SPOP", "popped", "110000"),
      other.command("DEL", "popped"),
    ]);
    // Whichever comes first.
    expect([0, 110_000]).toContain((some as string[]).length);
    expect([deleted, await live.ours.command("EXISTS", "popped")]).toEqual([1, 0]);
    await fillBig("popped");
    const [all, again] = await inTurn(["SPOP", "popped", `${BIG}`], other, ["SADD", "popped", "member 5"]);
    expect([new Set(all as string[]).size, again]).toEqual([BIG, 1]);
    expect(await live.ours.command("SMEMBERS", "popped")).toEqual(["member 5"]);
    other.close();
  });

  test("SSCAN gives every member that stays, once, while others come and go", async () => {
    for (let from = 0; from < 5000; from += 500) {
      await live.ours.command("SADD", "scan", ...Array.from({ length: 500 }, (_, i) => `member ${from + i}`));
    }
    const seen = new Map<string, number>();
    let cursor = "0";
    let round = 0;
    do {
      const [next, some] = (await live.ours.command("SSCAN", "scan", cursor, "COUNT", "100")) as [string, string[]];
      for (const member of some) seen.set(member, (seen.get(member) ?? 0) + 1);
      cursor = next;
      await live.ours.command("SADD", "scan", `passing ${round}`, `member ${round}`);
      await live.ours.command("SREM", "scan", `passing ${round - 5}`);
      if (++round === 20) await live.ours.command("DEBUG", "RELOAD");
    } while (cursor !== "0");
    expect(round).toBeGreaterThan(30);
    for (let i = 0; i < 5000; i++) expect(seen.get(`member ${i}`)).toBe(1);
  });
});
