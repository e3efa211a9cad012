/** The straight ways to a list's ends beside an array: whatever they do or refuse, the list is sound. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { Element } from "../../encodings/element.ts";
import { Listpack, validateListpack } from "../../encodings/listpack.ts";
import { i32le } from "../../encodings/packed.ts";
import { Arena, WINDOW_SHIFT } from "../arena.ts";
import { Pins } from "../pins.ts";
import { type Blocks, bytesOf, frozenBlocks, placeOf } from "./blocks.ts";
import { TREE_ROOT_BYTES, TreeRoot } from "./counted-tree.ts";
import { type ElementSink, listCount, popFirst, popLast, pushFirst, pushLast } from "./list-ends.ts";
import { listForm } from "./list-form.ts";
import { LIST_NODE_HEAD_BYTES, listpackAt } from "./list-node.ts";
import { atOnce } from "./native.ts";
import { NodeList } from "./node-list.ts";

const element = new Element();

/** What has been popped. */
class Popped implements ElementSink {
  text = "";
  bulk(bytes: Uint8Array, start: number, length: number): void {
    this.text = Buffer.from(bytes.slice(start, start + length)).toString("latin1");
  }
  bulkInteger(value: number): void {
    this.text = `${value}`;
  }
  elements(popped: Element): void {
    this.text = popped.text().text();
  }
}

/** Blocks that lie in two windows in turn. */
class TwoWindows implements Blocks {
  readonly pins = new Pins();
  readonly #arenas = [new Arena(this.pins), new Arena(this.pins)] as const;
  readonly windows = this.#arenas.map(({ windows }) => windows[0] as Uint8Array);
  readonly words = this.#arenas.map(({ words }) => words[0] as Int32Array);
  #turn = 0;

  allocate(bytes: number): number {
    this.#turn ^= 1;
    return (this.#arenas[this.#turn] as Arena).allocate(bytes) | (this.#turn << WINDOW_SHIFT);
  }

  free(handle: number): void {
    this.#arenaOf(handle).free(handle & ~(1 << WINDOW_SHIFT));
  }

  capacity(handle: number): number {
    return this.#arenaOf(handle).capacity(handle & ~(1 << WINDOW_SHIFT));
  }

  get usedBytes(): number {
    return this.#arenas[0].usedBytes + this.#arenas[1].usedBytes;
  }

  #arenaOf(handle: number): Arena {
    return this.#arenas[handle >>> WINDOW_SHIFT] as Arena;
  }
}

/** A list whose ends are gone to straight where that can be. */
class Ends {
  readonly root: number;
  readonly list: NodeList;
  readonly model: string[] = [];
  readonly #popped = new Popped();
  straight = 0;
  refused = 0;

  constructor(
    readonly blocks: Blocks,
    readonly fill: number,
  ) {
    this.root = blocks.allocate(TREE_ROOT_BYTES);
    NodeList.createAt(blocks, this.root);
    this.list = new NodeList(blocks).bind(blocks, this.root);
    this.list.fill = fill;
  }

  push(text: string, isHead: boolean): void {
    const { blocks, root, fill, model } = this;
    const bytes = Buffer.from(`<${text}>`, "latin1");
    const count = (isHead ? pushFirst : pushLast)(blocks, root, fill, bytes, 1, text.length);
    if (count === 0) this.list.push(bytes, 1, text.length, isHead);
    this.#note(count > 0);
    if (isHead) model.unshift(text);
    else model.push(text);
    if (count > 0) expect(count).toBe(model.length);
    expect(listCount(blocks, root)).toBe(model.length);
  }

  pop(isHead: boolean): void {
    const { blocks, root, fill, model, list } = this;
    const index = isHead ? 0 : model.length - 1;
    const isStraight = (isHead ? popFirst : popLast)(blocks, root, fill, this.#popped);
    let { text } = this.#popped;
    if (!isStraight) {
      list.read(index, element);
      text = element.text().text();
      list.remove(index, 1);
    }
    this.#note(isStraight);
    expect(text).toBe((isHead ? model.shift() : model.pop()) as string);
    expect(listCount(blocks, root)).toBe(model.length);
  }

  #note(isStraight: boolean): void {
    if (isStraight) this.straight++;
    else this.refused++;
  }

  check(): void {
    const { blocks, list, model } = this;
    const reader = new Listpack();
    const texts: string[] = [];
    let weights = 0;
    for (list.seekFirst(); list.settle(); list.next()) {
      const bytes = bytesOf(blocks, list.handle);
      const at = listpackAt(blocks, list.handle);
      const size = i32le(bytes, at);
      expect(validateListpack(bytes, at, size, true)).toBeNull();
      const start = at - placeOf(list.handle);
      expect(start).toBeGreaterThanOrEqual(LIST_NODE_HEAD_BYTES);
      expect(start + size).toBeLessThanOrEqual(blocks.capacity(list.handle));
      expect(list.openNode(reader).count()).toBe(list.weight);
      while (reader.next(element)) texts.push(element.text().text());
      weights += list.weight;
    }
    expect(weights).toBe(list.total);
    expect(texts).toEqual(model);
    // The weights on the ways down.
    for (let i = 0; i < model.length; i += 1 + (model.length >>> 5)) {
      list.read(i, element);
      expect(element.text().text()).toBe(model[i] as string);
    }
  }
}

function textOf(random: () => number, step: number): string {
  const kind = random();
  if (kind < 0.2) return `${step % 130}`;
  if (kind < 0.3) return `${-(step % 5000)}`;
  if (kind < 0.4) return `${BigInt(step + 1) ** BigInt(1 + (step % 5)) * (step % 2 === 0 ? 1n : -1n)}`;
  if (kind < 0.8) return `x${"y".repeat(step % 70)}`;
  if (kind < 0.9) return ["", "-", "007", "1.5", "9".repeat(25), "é"][step % 6] as string;
  if (kind < 0.99) return "z".repeat([62, 63, 64, 65, 125, 126, 127, 128, 300][step % 9] as number);
  return "w".repeat([4094, 4095, 4096, 4097, 9000, 20_000, 70_000][step % 7] as number);
}

describe.each([-2, -1, -5, 0, 2, 7, 300])("list-max-listpack-size %d", (fill) => {
  test.each(["one window", "two windows"])("random pushes and pops in blocks of %s", (kind) => {
    const random = seededRandom(`list-ends ${fill}`);
    const blocks = kind === "one window" ? new Arena(new Pins()) : new TwoWindows();
    const ends = new Ends(blocks, fill);
    for (let step = 0; step < 12_000; step++) {
      const grows = step % 4000 < 2400;
      const both = step % 1000 < 500;
      const isHead = both ? random() < 0.5 : step % 2000 < 1000;
      if (ends.model.length === 0 || random() < (grows ? 0.7 : 0.35)) ends.push(textOf(random, step), isHead);
      else ends.pop(isHead);
      if (step % 997 === 0) ends.check();
    }
    ends.check();
    if (fill < 0 || fill > 2) expect(ends.straight).toBeGreaterThan(1000);
    expect(ends.refused).toBeGreaterThan(0);
    while (ends.model.length > 0) ends.pop(random() < 0.5);
    ends.check();
    atOnce(listForm.free(blocks, ends.root));
    expect((blocks as Arena | TwoWindows).usedBytes).toBe(0);
  });
});

test("a list of one length goes straight but once a node", () => {
  const arena = new Arena(new Pins());
  for (const isHead of [true, false]) {
    const ends = new Ends(arena, -2);
    for (let i = 0; i < 50_000; i++) ends.push("xxx", isHead);
    const short = ends.refused;
    for (let i = 0; i < 100_000; i++) ends.push("xxx", isHead);
    ends.check();
    const { entries } = ends.list;
    expect(ends.refused - short).toBeLessThan(100_000 / 1500);
    ends.refused = 0;
    for (let i = 0; i < 100_000; i++) ends.pop(isHead);
    expect(ends.refused).toBeLessThan(entries);
    // A stack at the border of two nodes.
    ends.refused = 0;
    for (let i = 0; i < 10_000; i++) {
      if (i % 20 < 10) ends.push("xxx", isHead);
      else ends.pop(isHead);
    }
    expect(ends.refused).toBeLessThan(2100);
    ends.check();
  }
});

test("trees of three levels, and weights on all of them", () => {
  const arena = new Arena(new Pins());
  const ends = new Ends(arena, 2);
  for (let i = 0; i < 140_000; i++) ends.push("8 bytes.", i % 3 === 0);
  const words = arena.words[0] as Int32Array;
  expect(words[ends.root * 2 + TreeRoot.HEIGHT]).toBeGreaterThan(1);
  ends.check();
  for (let i = 0; i < 5000; i++) ends.pop(i % 2 === 0);
  ends.check();
  expect(ends.straight).toBeGreaterThan(2000);
});

test("nothing goes straight to a list without nodes, or of as many elements as there may be", () => {
  const arena = new Arena(new Pins());
  const ends = new Ends(arena, -2);
  const popped = new Popped();
  const text = Buffer.from("x");
  for (let i = 0; i < 2; i++) {
    const before = Buffer.from((arena.windows[0] as Uint8Array).slice(0, arena.size));
    expect(pushFirst(arena, ends.root, -2, text, 0, 1)).toBe(0);
    expect(pushLast(arena, ends.root, -2, text, 0, 1)).toBe(0);
    expect(popFirst(arena, ends.root, -2, popped)).toBe(false);
    expect(popLast(arena, ends.root, -2, popped)).toBe(false);
    expect(before.equals((arena.windows[0] as Uint8Array).slice(0, arena.size))).toBe(true);
    if (i > 0) break;
    for (let k = 0; k < 5000; k++) ends.push("xxx", true);
    (arena.words[0] as Int32Array)[ends.root * 2 + TreeRoot.WEIGHT] = -1;
  }
});

test("an end's element that is damaged is refused, and nothing is changed", () => {
  const arena = new Arena(new Pins());
  const ends = new Ends(arena, -2);
  for (let k = 0; k < 9000; k++) ends.push("x".repeat(50), true);
  const { list } = ends;
  const popped = new Popped();
  const spoil = (isHead: boolean, place: (at: number, end: number) => number, value: number) => {
    if (isHead) list.seekFirst();
    else list.seekLast();
    const bytes = bytesOf(arena, list.handle);
    const at = listpackAt(arena, list.handle);
    const spoilt = place(at, at + list.nodeBytes - 1);
    const kept = bytes[spoilt] as number;
    bytes[spoilt] = value;
    const before = Buffer.from(bytes.slice(0, arena.size));
    expect((isHead ? popFirst : popLast)(arena, ends.root, -2, popped)).toBe(false);
    expect(before.equals(bytes.slice(0, arena.size))).toBe(true);
    bytes[spoilt] = kept;
  };
  for (const head of [0xf0, 0xef, 0xf5, 0xff]) spoil(true, (at) => at + 6, head);
  for (const back of [0, 50, 52, 0x80, 0xff]) spoil(false, (_, end) => end - 1, back);
  for (const head of [0x80, 0xf0, 0xff]) spoil(false, (_, end) => end - 52, head);
  expect(popped.text).toBe("");
  ends.check();
});

test("another thread's view of the memory is saved as it is, however the ends moved", () => {
  const random = seededRandom("list-ends saved");
  const arena = new Arena(new Pins());
  const ends = new Ends(arena, -2);
  for (let i = 0; i < 30_000; i++) {
    if (random() < 0.6) ends.push(textOf(random, i).slice(0, 100), random() < 0.5);
    else if (ends.model.length > 0) ends.pop(random() < 0.5);
  }
  const frozen = frozenBlocks({ windows: arena.windows, words: arena.words, openTo: () => {} }, arena.size);
  const texts: string[] = [];
  let left = 0;
  const sink = {
    length: (n: number) => void (left += left === 0 ? n : 0),
    string(bytes: Uint8Array, start: number, length: number) {
      const reader = new Listpack().open(bytes, start, length);
      while (reader.next(element)) texts.push(element.text().text());
    },
  };
  atOnce(listForm.write(sink as unknown as Parameters<typeof listForm.write>[0], frozen, ends.root));
  expect(texts).toEqual(ends.model);
  expect(left).toBe(ends.list.entries);
});
