/** Lists of nodes against an array: ends, middle, ranges; nodes as redis-server divides them; memory that is full; views that are held. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { RedisServer, redisInstalled } from "../../../test/support/redis-server.ts";
import { ScarceBlocks } from "../../../test/support/scarce-blocks.ts";
import { Element } from "../../encodings/element.ts";
import { Listpack, validateListpack } from "../../encodings/listpack.ts";
import { i32le } from "../../encodings/packed.ts";
import { Arena, ArenaFull } from "../arena.ts";
import { Pins } from "../pins.ts";
import { type Blocks, bytesOf } from "./blocks.ts";
import { TREE_ROOT_BYTES } from "./counted-tree.ts";
import { listpackAt } from "./list-node.ts";
import { NodeList } from "./node-list.ts";

const element = new Element();

function newRoot(blocks: Blocks): number {
  const root = blocks.allocate(TREE_ROOT_BYTES);
  NodeList.createAt(blocks, root);
  return root;
}

/** The nodes' bytes and all elements. */
function contentOf(blocks: Blocks, root: number): { nodes: Buffer[]; texts: string[] } {
  const list = new NodeList(blocks).bind(blocks, root);
  const reader = new Listpack();
  const nodes: Buffer[] = [];
  const texts: string[] = [];
  for (list.seekFirst(); list.settle(); list.next()) {
    const bytes = bytesOf(blocks, list.handle);
    const at = listpackAt(blocks, list.handle);
    const size = i32le(bytes, at);
    expect(validateListpack(bytes, at, size, true)).toBeNull();
    nodes.push(Buffer.from(bytes.slice(at, at + size)));
    list.openNode(reader);
    expect(reader.count()).toBe(list.weight);
    while (reader.next(element)) texts.push(element.text().text());
  }
  expect(list.total).toBe(texts.length);
  expect(list.entries).toBe(nodes.length);
  return { nodes, texts };
}

function textOf(random: () => number, step: number): string {
  const kind = random();
  if (kind < 0.3) return `${step * 7919 - 5_000_000}`;
  if (kind < 0.97) return `element ${step} ${"x".repeat(step % 120)}`;
  return "y".repeat(Math.floor(random() * 20_000));
}

function drain(work: Generator<void, void, void>): number {
  let slices = 0;
  while (work.next().done !== true) slices++;
  return slices;
}

test.each([-2, -1, -5, 1, 7, 128])("random changes with list-max-listpack-size %d", (fill) => {
  const random = seededRandom("node-list");
  const pins = new Pins();
  const arena = new Arena(pins);
  const root = newRoot(arena);
  const list = new NodeList(arena).bind(arena, root);
  list.fill = fill;
  let model: string[] = [];
  const below = (limit: number) => Math.floor(random() * limit);
  for (let step = 0; step < 8000; step++) {
    const taken = step % 5 === 0 ? pins.take() : -1;
    const text = textOf(random, step);
    const bytes = Buffer.from(`<${text}>`, "latin1");
    const kind = below(20);
    const size = model.length;
    const growing = step % 4000 < 2500;
    if (kind < 4 || size === 0) {
      list.push(bytes, 1, text.length, false);
      model.push(text);
    } else if (kind < 8) {
      list.push(bytes, 1, text.length, true);
      model.unshift(text);
    } else if (kind < 12 && growing) {
      const index = below(size + 1);
      list.insert(index, bytes, 1, text.length);
      model.splice(index, 0, text);
    } else if (kind < 14) {
      const index = below(size);
      list.set(index, bytes, 1, text.length);
      model[index] = text;
    } else if (kind < 19) {
      const index = [0, size - 1, below(size)][below(3)] as number;
      list.read(index, element);
      expect(element.text().text()).toBe(model[index] as string);
      list.remove(index, 1);
      model.splice(index, 1);
    } else if (growing ? step % 40 === 0 : step % 2 === 0) {
      const index = below(size);
      const count = below(200);
      list.remove(index, count);
      model.splice(index, count);
    }
    if (taken >= 0) pins.release(taken);
    if (step % 1000 === 0) expect(contentOf(arena, root).texts).toEqual(model);
  }
  expect(contentOf(arena, root).texts).toEqual(model);
  const used = arena.usedBytes;
  const copy = newRoot(arena);
  drain(new NodeList(arena).bind(arena, copy).copyInSlices(arena, root));
  expect(contentOf(arena, copy)).toEqual(contentOf(arena, root));
  drain(new NodeList(arena).bind(arena, copy).freeInSlices(true));
  arena.free(copy);
  expect(arena.usedBytes).toBe(used);
  list.remove(0, model.length + 10);
  model = [];
  expect(contentOf(arena, root)).toEqual({ nodes: [], texts: [] });
  arena.free(root);
  while (arena.tick(true));
  expect(arena.usedBytes).toBe(0);
});

/** Elements by kind: of one length, or integers of all widths. */
const ELEMENTS: Record<string, (i: number) => string> = {
  "3 bytes": (i) => `x${i % 90}`.padEnd(3, "y"),
  "63 bytes": (i) => `${i} `.padEnd(63, "a"),
  "64 bytes": (i) => `${i} `.padEnd(64, "b"),
  "127 bytes": (i) => `${i} `.padEnd(127, "c"),
  "300 bytes": (i) => `${i} `.padEnd(300, "d"),
  "4095 bytes": (i) => `${i} `.padEnd(4095, "e"),
  "4096 bytes": (i) => `${i} `.padEnd(4096, "f"),
  integers: (i) => `${BigInt(i % 2 === 0 ? i : -i) * 10n ** BigInt(i % 16)}`,
};

describe("pushes and pops at both ends", () => {
  for (const [kind, make] of Object.entries(ELEMENTS)) {
    for (const fill of [-2, -1, -4, 0, 5, 300]) {
      test(`${kind}, list-max-listpack-size ${fill}`, () => {
        const random = seededRandom(`both ends: ${kind} ${fill}`);
        const pins = new Pins();
        const arena = new Arena(pins);
        const root = newRoot(arena);
        const list = new NodeList(arena).bind(arena, root);
        list.fill = fill;
        const model: string[] = [];
        const push = (i: number, isHead: boolean) => {
          const text = make(i);
          list.push(Buffer.from(text), 0, text.length, isHead);
          if (isHead) model.unshift(text);
          else model.push(text);
        };
        const pop = (isHead: boolean) => {
          const index = isHead ? 0 : model.length - 1;
          list.read(index, element);
          expect(element.text().text()).toBe((isHead ? model.shift() : model.pop()) as string);
          list.remove(index, 1);
        };
        let step = 0;
        // Both in turn; one end for long, then the other; a queue; what is random.
        for (; step < 1500; step++) push(step, step % 2 === 0);
        for (; step < 2000; step++) push(step, true);
        for (; step < 2500; step++) push(step, false);
        expect(contentOf(arena, root).texts).toEqual(model);
        for (; step < 3500; step++) {
          push(step, true);
          pop(false);
        }
        expect(contentOf(arena, root).texts).toEqual(model);
        for (; step < 6000; step++) {
          const taken = random() < 0.1 ? pins.take() : -1;
          if (model.length === 0 || random() < 0.45) push(step, random() < 0.5);
          else pop(random() < 0.5);
          if (taken >= 0) pins.release(taken);
        }
        expect(contentOf(arena, root).texts).toEqual(model);
        while (model.length > 0) pop(model.length % 3 === 0);
        expect(contentOf(arena, root).texts).toEqual([]);
      });
    }
  }
});

test("what is pushed to or popped from an end moves nothing else, and two ends in turn little", () => {
  const arena = new Arena(new Pins());
  const root = newRoot(arena);
  const list = new NodeList(arena).bind(arena, root);
  const text = Buffer.from("abc");
  const endOf = () => listpackAt(arena, list.handle) + list.nodeBytes;
  for (let i = 0; i < 40_000; i++) list.push(text, 0, 3, i % 2 === 0);
  for (const isHead of [true, false]) {
    let moved = 0;
    for (let i = 0; i < 5000; i++) {
      if (isHead) list.seekFirst();
      else list.seekLast();
      const { handle } = list;
      const at = isHead ? endOf() : listpackAt(arena, handle);
      if (i % 5 === 4) list.remove(isHead ? 0 : list.total - 1, 1);
      else list.push(text, 0, 3, isHead);
      if (isHead) list.seekFirst();
      else list.seekLast();
      if (list.handle === handle && at !== (isHead ? endOf() : listpackAt(arena, handle))) moved++;
    }
    // The first node may have had its room on the other side.
    expect(moved).toBeLessThan(12);
  }
  // One node that both ends of are pushed to.
  const other = newRoot(arena);
  list.bind(arena, other);
  list.push(text, 0, 3, false);
  let moved = 0;
  for (let i = 0; i < 1400; i++) {
    list.seekFirst();
    const at = listpackAt(arena, list.handle);
    list.push(text, 0, 3, i % 2 === 0);
    list.seekFirst();
    if (listpackAt(arena, list.handle) !== at - (i % 2 === 0 ? 5 : 0)) moved++;
  }
  expect(list.entries).toBe(1);
  expect(moved).toBeLessThan(40);
});

test("a full node takes the block that its limit takes, whichever end was pushed to", () => {
  const limits = [4096, 8192, 16384, 32768, 65536];
  for (const fill of [-1, -2, -3, -4, -5]) {
    for (const length of [3, 63, 64, 125, 126, 127, 300, 3000]) {
      for (const ends of ["head", "tail", "both"]) {
        const arena = new Arena(new Pins());
        const root = newRoot(arena);
        const list = new NodeList(arena).bind(arena, root);
        list.fill = fill;
        const text = Buffer.alloc(length, "x");
        const count = Math.floor((20 * (limits[-fill - 1] as number)) / length);
        for (let i = 0; i < count; i++) list.push(text, 0, length, ends === "both" ? i % 2 === 0 : ends === "head");
        for (list.seekFirst(); list.settle(); list.next()) {
          expect(arena.capacity(list.handle)).toBeLessThanOrEqual(limits[-fill - 1] as number);
        }
      }
    }
  }
});

test("an arena that is full at any moment leaves the list as it was", () => {
  const random = seededRandom("node-list-full");
  const arena = new Arena(new Pins());
  const scarce = new ScarceBlocks(arena);
  const root = newRoot(scarce);
  const list = new NodeList(scarce).bind(scarce, root);
  list.fill = 4;
  const model: string[] = [];
  let failures = 0;
  for (let step = 0; step < 3000; step++) {
    const text = `element ${step}`;
    const bytes = Buffer.from(text);
    const index = Math.floor(random() * (model.length + 1));
    const before = contentOfSome(step) ? contentOf(arena, root).texts : null;
    failures += scarce.insist(
      () => list.insert(index, bytes, 0, bytes.length),
      () => {
        expect(list.total).toBe(model.length);
        if (before !== null) expect(contentOf(arena, root).texts).toEqual(before);
      },
    );
    model.splice(index, 0, text);
    if (step % 300 === 0) expect(contentOf(arena, root).texts).toEqual(model);
  }
  expect(failures).toBeGreaterThan(1000);
  expect(contentOf(arena, root).texts).toEqual(model);
  const copy = newRoot(arena);
  scarce.left = 20;
  expect(() => drain(new NodeList(scarce).bind(scarce, copy).copyInSlices(arena, root))).toThrow(ArenaFull);
});

/** Looking at all of it is slow: at some steps only. */
function contentOfSome(step: number): boolean {
  return step % 50 === 0;
}

test.each([-2, -1, 3, 500])(
  "many texts pushed in slices make the nodes that pushes make, with list-max-listpack-size %d",
  (fill) => {
    const random = seededRandom("push-in-slices");
    const arena = new Arena(new Pins());
    const scarce = new ScarceBlocks(arena);
    const roots = [newRoot(arena), newRoot(arena)] as const;
    const one = new NodeList(arena).bind(arena, roots[0]);
    const many = new NodeList(scarce).bind(scarce, roots[1]);
    one.fill = many.fill = fill;
    for (let round = 0; round < 60; round++) {
      const texts = Array.from({ length: 1 + Math.floor(random() * 300) }, (_, i) =>
        Buffer.from(textOf(random, i), "latin1"),
      );
      const bytes = Buffer.concat(texts);
      const lengths = Int32Array.from(texts, ({ length }) => length);
      const starts = lengths.map((_, i) => lengths.subarray(0, i).reduce((sum, length) => sum + length, 0));
      const isHead = random() < 0.5;
      for (const text of texts) one.push(text, 0, text.length, isHead);
      for (let done = 0; done < texts.length; ) {
        const before = many.total;
        try {
          scarce.left = Math.floor(random() * 4);
          drain(many.pushInSlices(() => ({ bytes, starts, lengths }), done, texts.length, isHead));
        } catch (error) {
          if (!(error instanceof ArenaFull)) throw error;
        }
        done += many.total - before;
      }
      if (random() < 0.2) {
        const removed = Math.floor(random() * one.total);
        one.remove(0, removed);
        scarce.left = Number.POSITIVE_INFINITY;
        many.remove(0, removed);
      }
    }
    expect(contentOf(arena, roots[1])).toEqual(contentOf(arena, roots[0]));
  },
);

describe.skipIf(!redisInstalled)("as redis-server divides lists", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start(["--rdbcompression", "no", "--save", ""]);
  });
  afterAll(() => server?.stop());

  test.each([-2, -1, 3, 500])("pushes and pops with list-max-listpack-size %d", async (fill) => {
    const random = seededRandom("list-nodes");
    await server.send("CONFIG", "SET", "list-max-listpack-size", fill);
    const arena = new Arena(new Pins());
    const root = newRoot(arena);
    const list = new NodeList(arena).bind(arena, root);
    list.fill = fill;
    const commands: string[][] = [];
    for (let step = 0; step < 3000; step++) {
      const text = textOf(random, step);
      const bytes = Buffer.from(text, "latin1");
      const kind = random();
      if (kind < 0.8) {
        commands.push([kind < 0.4 ? "LPUSH" : "RPUSH", `list${fill}`, text]);
        list.push(bytes, 0, bytes.length, kind < 0.4);
      } else if (list.total > 0) {
        commands.push([kind < 0.9 ? "LPOP" : "RPOP", `list${fill}`]);
        list.remove(kind < 0.9 ? 0 : list.total - 1, 1);
      }
    }
    await server.connection.sendAll(commands);
    const reply = await server.send("DUMP", `list${fill}`);
    const dump = Buffer.from(reply.slice(reply.indexOf("\r\n") + 2, -2), "latin1");
    // Every node is in the payload, one behind the other.
    let at = 2;
    for (const node of contentOf(arena, root).nodes) {
      const found = dump.indexOf(node, at);
      expect(found - at).toBeLessThan(8);
      expect(found).toBeGreaterThan(0);
      at = found + node.length;
    }
    expect(dump.length - at).toBe(10);
  });
});
