/** Lists of nodes against an array: ends, middle, ranges; nodes as redis-server divides them; memory that is full; views that are held. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { RedisServer, redisInstalled } from "../../../test/support/redis-server.ts";
import { ScarceBlocks } from "../../../test/support/scarce-blocks.ts";
import { Element } from "../../encodings/element.ts";
import { Listpack, validateListpack } from "../../encodings/listpack.ts";
import { i32le } from "../../encodings/packed.ts";
import { Arena, ArenaFull, IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { Pins } from "../pins.ts";
import type { Blocks } from "./blocks.ts";
import { TREE_ROOT_BYTES } from "./counted-tree.ts";
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
    const bytes = blocks.windows[list.handle >>> WINDOW_SHIFT] as Uint8Array;
    const at = (list.handle & IN_WINDOW) << 3;
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
