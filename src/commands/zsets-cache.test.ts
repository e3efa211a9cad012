import { describe, expect, test } from "bun:test";
import { rdbLength, rdbString } from "../../test/support/packed-samples.ts";
import { seededRandom } from "../../test/support/random.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { type ByteSource, sourceOf } from "../util/byte-source.ts";
import { giveZset, type KeptZset, takeZset } from "./zsets-cache.ts";

interface Sets {
  readonly source: ByteSource;
  /** Of each set: where its record begins, and its members in order. */
  readonly offsets: number[];
  readonly members: string[][];
}

/** Sets of the given sizes, their members stored in no order. */
function setsOf(sizes: readonly number[], random: () => number): Sets {
  const pieces: Uint8Array[] = [];
  const offsets: number[] = [];
  const members: string[][] = [];
  let at = 0;
  const put = (bytes: Uint8Array) => {
    pieces.push(bytes);
    at += bytes.length;
  };
  sizes.forEach((size, set) => {
    offsets.push(at);
    put(Uint8Array.of(RdbType.ZSET_2));
    put(rdbString(`set${set}`));
    put(Uint8Array.from(rdbLength(size)));
    const scored = Array.from({ length: size }, (_, i) => ({
      score: Math.floor(random() * size),
      name: `${set}:${i}`,
    }));
    for (const { score, name } of scored) {
      put(rdbString(name));
      put(new Uint8Array(new Float64Array([score]).buffer));
    }
    scored.sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1));
    members.push(scored.map(({ name }) => name));
  });
  return { source: sourceOf(Buffer.concat(pieces)), offsets, members };
}

function take(sets: Sets, set: number): KeptZset {
  const record = new Record();
  record.readAt(sets.source, sets.offsets[set] as number);
  const zset = takeZset(record);
  // The record is its owner's again at once.
  record.readAt(sets.source, sets.offsets[0] as number);
  return zset;
}

function load(zset: KeptZset): string[] {
  const steps = zset.load(50);
  for (;;) {
    const step = steps.next();
    if (!step.done) continue;
    const members = step.value;
    return Array.from({ length: members.count }, (_, rank) => {
      members.goTo(rank);
      return members.member.text().text();
    });
  }
}

describe("readers kept between commands", () => {
  test("a reader that was given back comes again, its members loaded", () => {
    const sets = setsOf([100, 5], seededRandom("again"));
    const first = take(sets, 0);
    expect(load(first)).toEqual(sets.members[0] as string[]);
    giveZset(first);
    const again = take(sets, 0);
    expect(again).toBe(first);
    expect(again.load(1).next().done).toBe(true);
    const other = take(sets, 0);
    expect(other).not.toBe(again);
    expect(load(other)).toEqual(load(again));
  });

  test("a command that was broken off while it loaded leaves nothing behind", () => {
    const sets = setsOf([500], seededRandom("broken off"));
    const zset = take(sets, 0);
    const steps = zset.load(10);
    steps.next();
    steps.return(zset.ranked());
    giveZset(zset);
    expect(take(sets, 0)).not.toBe(zset);
  });

  test("where bytes may change, a reader comes again only while the same lie there", () => {
    const random = seededRandom("mutable");
    const [a, b] = [setsOf([300], random), setsOf([300], random)];
    let version = 1;
    // Two values of one length: as when a block is freed and taken again.
    const bytes = new Uint8Array(a.source.windows[0] as Uint8Array);
    const source: ByteSource = { ...sourceOf(bytes), isMutable: true, versionAt: () => version };
    const sets = { ...a, source };
    const first = take(sets, 0);
    expect(load(first)).toEqual(a.members[0] as string[]);
    giveZset(first);
    expect(take(sets, 0)).toBe(first);
    const held = take(sets, 0);
    load(held);
    giveZset(first);
    version = 2;
    bytes.set(b.source.windows[0] as Uint8Array);
    // It was taken before the change, and is of no use to anybody any more.
    giveZset(held);
    expect(load(take(sets, 0))).toEqual(b.members[0] as string[]);
    version = -1;
    const unnamed = take(sets, 0);
    expect(load(unnamed)).toEqual(b.members[0] as string[]);
    giveZset(unnamed);
    bytes.set(a.source.windows[0] as Uint8Array);
    // The reader may come again; what it has loaded does not.
    expect(load(take(sets, 0))).toEqual(a.members[0] as string[]);
  });

  test("other sources have readers of their own", () => {
    const a = setsOf([10], seededRandom("a"));
    const b = setsOf([10], seededRandom("b"));
    const zset = take(a, 0);
    load(zset);
    giveZset(zset);
    expect(load(take(b, 0))).toEqual(b.members[0] as string[]);
  });

  test("many sets in any order, finds and loads mixed, are always read right", () => {
    const random = seededRandom("mixed");
    const sets = setsOf(
      Array.from({ length: 150 }, () => 1 + Math.floor(random() * 200)),
      random,
    );
    const out: [number, KeptZset][] = [];
    for (let i = 0; i < 3000; i++) {
      // Some sets are asked for more often than others.
      const set = Math.floor(random() ** 2 * 150);
      const names = sets.members[set] as string[];
      const zset = take(sets, set);
      expect(zset.count).toBe(names.length);
      if (random() < 0.5) expect(load(zset)).toEqual(names);
      const wanted = Buffer.from(names[Math.floor(random() * names.length)] as string);
      expect(zset.find(wanted, 0, wanted.length)).toBe(true);
      if (random() < 0.3) out.push([set, zset]);
      else giveZset(zset);
      if (out.length > 5) {
        const [heldSet, held] = out.shift() as [number, KeptZset];
        expect(load(held)).toEqual(sets.members[heldSet] as string[]);
        giveZset(held);
      }
    }
  });
});
