/** Sorted sets against a sorted array: ranks, ranges both ways, scores that tie, memory that is full; ID trees; freeing and copying. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { ScarceBlocks } from "../../../test/support/scarce-blocks.ts";
import { Element } from "../../encodings/element.ts";
import { hashBytes } from "../../util/byte-hash.ts";
import { Arena, ArenaFull } from "../arena.ts";
import { Pins } from "../pins.ts";
import type { Blocks } from "./blocks.ts";
import { TREE_ROOT_BYTES } from "./counted-tree.ts";
import { IdTree } from "./id-tree.ts";
import { readScored } from "./member.ts";
import { copySortedSet, freeSortedSet, SortedSet } from "./sorted-set.ts";

const hashOf = (bytes: Uint8Array, start: number, length: number) => hashBytes(bytes, start, length, 7);
const bytesOf = (text: string) => Buffer.from(text, "latin1");
const element = new Element();

interface Row {
  readonly text: string;
  readonly score: number;
}

function inOrder(a: Row, b: Row): number {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1;
  return Buffer.compare(bytesOf(a.text), bytesOf(b.text));
}

function drain(work: Generator<void, void, void>): number {
  let slices = 0;
  while (work.next().done !== true) slices++;
  return slices;
}

function rowOf(blocks: Blocks, handle: number): Row {
  const score = readScored(blocks, handle, element);
  return { text: element.text().text(), score };
}

class Model {
  readonly scores = new Map<string, number>();
  readonly set: SortedSet;
  readonly root: number;

  constructor(readonly blocks: Blocks) {
    this.root = SortedSet.create(blocks);
    this.set = new SortedSet(blocks).bind(blocks, this.root);
  }

  rows(): Row[] {
    return [...this.scores].map(([text, score]) => ({ text, score })).sort(inOrder);
  }

  find(text: string): number {
    const bytes = bytesOf(text);
    const handle = this.set.find(hashOf(bytes, 0, bytes.length), bytes, 0, bytes.length);
    expect(handle !== 0).toBe(this.scores.has(text));
    return handle;
  }

  put(text: string, score: number): void {
    const bytes = bytesOf(text);
    const handle = this.find(text);
    if (handle !== 0) this.set.setScore(handle, score);
    else this.set.add(hashOf(bytes, 0, bytes.length), score, bytes, 0, bytes.length);
    this.scores.set(text, score);
  }

  drop(text: string): void {
    this.set.remove(this.find(text));
    this.scores.delete(text);
  }

  check(): void {
    const rows = this.rows();
    const { set, blocks } = this;
    expect(set.count).toBe(rows.length);
    expect([set.tree.entries, set.tree.total]).toEqual([rows.length, rows.length]);
    const found: Row[] = [];
    for (set.tree.seekFirst(); set.tree.settle(); set.tree.next()) found.push(rowOf(blocks, set.tree.handle));
    expect(found).toEqual(rows);
    const back: Row[] = [];
    set.tree.seekEnd();
    while (set.tree.previous()) back.push(rowOf(blocks, set.tree.handle));
    expect(back.reverse()).toEqual(rows);
  }

  checkSeeks(random: () => number): void {
    const rows = this.rows();
    const { tree } = this.set;
    for (let i = 0; i < 60; i++) {
      const rank = Math.floor(random() * rows.length);
      const row = rows[rank] as Row;
      expect(this.set.rank(this.find(row.text))).toBe(rank);
      tree.seekWeight(rank);
      expect(tree.settle()).toBe(true);
      expect(rowOf(this.blocks, tree.handle)).toEqual(row);
      expect(tree.position).toBe(rank);
      for (const score of [row.score, row.score + 0.25, -row.score, Number.POSITIVE_INFINITY]) {
        for (const isOpen of [false, true]) {
          tree.seekScore(score, isOpen);
          const expected = rows.findIndex((other) => (isOpen ? other.score > score : other.score >= score));
          expect(tree.position).toBe(expected < 0 ? rows.length : expected);
          expect(tree.settle()).toBe(expected >= 0);
          if (expected >= 0) expect(rowOf(this.blocks, tree.handle)).toEqual(rows[expected] as Row);
        }
      }
    }
    tree.seekWeight(rows.length);
    expect(tree.settle()).toBe(false);
  }
}

const SCORES: readonly [name: string, score: (random: () => number, step: number) => number][] = [
  ["all equal", () => 0],
  ["few values, both signs", (random) => Math.floor(random() * 7) - 3],
  ["any", (random) => (random() - 0.5) * 10 ** Math.floor(random() * 600 - 300)],
  ["ascending", (_, step) => step],
  ["descending", (_, step) => -step],
  ["extreme", (random) => [-0, 0, Infinity, -Infinity, 5e-324, -5e-324, 1.7e308][Math.floor(random() * 7)] as number],
];

test.each(SCORES)("random changes, scores %s", (_, scoreOf) => {
  const random = seededRandom("sorted-set");
  const arena = new Arena(new Pins());
  const model = new Model(arena);
  let texts: string[] = [];
  for (let step = 0; step < 15_000; step++) {
    const kind = random();
    const growing = Math.floor(step / 5000) !== 1;
    if (kind < (growing ? 0.6 : 0.2) || texts.length === 0) {
      const text = random() < 0.3 ? `${step * 7919}` : `member ${Math.floor(random() * 10 ** 9)}`;
      if (!model.scores.has(text)) texts.push(text);
      model.put(text, scoreOf(random, step));
    } else if (kind < (growing ? 0.75 : 0.3)) {
      model.put(texts[Math.floor(random() * texts.length)] as string, scoreOf(random, step));
    } else {
      const at = Math.floor(random() * texts.length);
      model.drop(texts[at] as string);
      texts[at] = texts.at(-1) as string;
      texts.pop();
    }
    if (step % 5000 === 2500) model.check();
  }
  model.check();
  model.checkSeeks(random);
  const used = arena.usedBytes;
  const copy = SortedSet.create(arena);
  drain(copySortedSet(arena, model.root, arena, copy, hashOf));
  const other = new SortedSet(arena).bind(arena, copy);
  const rows: Row[] = [];
  for (other.tree.seekFirst(); other.tree.settle(); other.tree.next()) rows.push(rowOf(arena, other.tree.handle));
  expect(rows).toEqual(model.rows());
  expect(drain(freeSortedSet(arena, copy))).toBeGreaterThan(10);
  expect(arena.usedBytes).toBe(used);
  for (const text of [...model.scores.keys()]) model.drop(text);
  model.check();
  texts = [];
  drain(freeSortedSet(arena, model.root));
  expect(arena.usedBytes).toBe(0);
});

test("members of one score go by their bytes, integers by their digits", () => {
  const model = new Model(new Arena(new Pins()));
  const texts = ["", "9", "10", "-5", "100", "a", "\xff", "1a", "b".repeat(100), "2147483648", "-2147483648", "\0"];
  for (let i = 0; i < 500; i++) texts.push(`${i * 31}`);
  for (const text of texts) model.put(text, 1);
  model.check();
  const rows = model.rows();
  const { tree } = model.set;
  for (const text of [...texts, "5", "bb", "zzz", "-"]) {
    for (const isOpen of [false, true]) {
      tree.seekMember(bytesOf(`<${text}>`), 1, text.length, isOpen);
      const expected = rows.findIndex((row) => Buffer.compare(bytesOf(row.text), bytesOf(text)) >= (isOpen ? 1 : 0));
      expect(tree.position).toBe(expected < 0 ? rows.length : expected);
    }
  }
});

test("the example in docs/formats/overlay.md", () => {
  const arena = new Arena(new Pins());
  const root = SortedSet.create(arena);
  const set = new SortedSet(arena).bind(arena, root);
  const add = (hash: number, score: number, text: string) => {
    expect(set.find(hash, bytesOf(text), 0, text.length)).toBe(0);
    return set.add(hash, score, bytesOf(text), 0, text.length);
  };
  const a = add(5, 1.5, "a");
  const seven = add(9, -2, "7");
  const hex = (handle: number, length: number) =>
    Buffer.from(arena.locate(handle).slice(arena.at, arena.at + length)).toString("hex");
  const word = (handle: number) => Buffer.from(Int32Array.of(handle).buffer).toString("hex");
  const wordAt = (handle: number, at: number) => arena.locateWords(handle)[(arena.at >>> 2) + at] as number;
  const [segment, leaf] = [wordAt(root, 1), wordAt(root, 8)];
  const zeros = (bytes: number) => "00".repeat(bytes);
  expect(hex(root, 32)).toBe(`02000000${word(segment)}410000000800000000000000010000${zeros(9)}`);
  expect(hex(root + 4, 32)).toBe(`${word(leaf)}000000000200000002000000${zeros(16)}`);
  expect(hex(a, 10)).toBe("000000000000f83f0161");
  expect(hex(seven, 10)).toBe("00000000000000c0c007");
  expect(hex(leaf, 32)).toBe(`0200000040000000ffffffbfffffff7f${word(seven)}0000f83f00000080${word(a)}`);
});

test("an arena that is full at any moment leaves the sorted set as it was", () => {
  const arena = new Arena(new Pins());
  const scarce = new ScarceBlocks(arena);
  const model = new Model(scarce);
  let failures = 0;
  for (let i = 0; i < 3000; i++) {
    const text = `member ${Math.imul(i, 0x9e3779b1) >>> 0}`;
    const used = arena.usedBytes;
    failures += scarce.insist(
      () => model.put(text, i % 97),
      () => {
        expect(model.set.count).toBe(model.scores.size);
        expect(model.set.tree.entries).toBe(model.scores.size);
        // A table that has grown in vain may stay so; nothing else may be left.
        expect(arena.usedBytes - used).toBeLessThan(13_000);
      },
    );
    if (i % 3 === 0)
      failures += scarce.insist(
        () => model.put(text, -i),
        () => {},
      );
    if (i % 500 === 0) model.check();
  }
  expect(failures).toBeGreaterThan(3000);
  model.check();
  const used = arena.usedBytes;
  for (const allowed of [0, 1, 10, 3003, 3015]) {
    const copy = SortedSet.create(arena);
    scarce.left = allowed;
    expect(() => drain(copySortedSet(arena, model.root, scarce, copy, hashOf))).toThrow(ArenaFull);
    scarce.left = Number.POSITIVE_INFINITY;
    drain(freeSortedSet(arena, copy));
    expect(arena.usedBytes).toBe(used);
  }
});

test("nodes by 128-bit IDs: found by what they hold, weighed, removed", () => {
  const random = seededRandom("id-tree");
  const arena = new Arena(new Pins());
  const root = arena.allocate(TREE_ROOT_BYTES);
  IdTree.createAt(arena, root);
  const tree = new IdTree(arena).bind(arena, root);
  const model = new Map<bigint, { handle: number; weight: number }>();
  const wordsOf = (id: bigint) =>
    [96n, 64n, 32n, 0n].map((shift) => Number(BigInt.asIntN(32, id >> shift))) as [number, number, number, number];
  const idHere = () => [0, 1, 2, 3].reduce((id, word) => (id << 32n) | BigInt(tree.idWord(word) >>> 0), 0n);
  const randomId = () => {
    const word = () =>
      BigInt(random() < 0.3 ? [0, 1, 2 ** 31, 2 ** 32 - 1][Math.floor(random() * 4)]! : Math.floor(random() * 2 ** 32));
    return (word() << 96n) | (word() << 64n) | (word() << 32n) | word();
  };
  for (let step = 0; step < 6000; step++) {
    const id = step % 3 === 0 ? BigInt(step) << 64n : randomId();
    if (model.has(id)) continue;
    if (random() < 0.3 && model.size > 0) {
      const gone = [...model.keys()][Math.floor(random() * model.size)] as bigint;
      tree.seekId(...wordsOf(gone));
      expect(tree.settle() && idHere() === gone).toBe(true);
      arena.free(tree.handle);
      tree.removeHere();
      model.delete(gone);
    } else {
      const handle = arena.allocate(40);
      tree.add(...wordsOf(id), handle, 1 + (step % 100));
      model.set(id, { handle, weight: 1 + (step % 100) });
    }
  }
  const ids = [...model.keys()].sort((a, b) => (a < b ? -1 : 1));
  let position = 0;
  tree.seekFirst();
  for (const id of ids) {
    expect(tree.settle()).toBe(true);
    expect([idHere(), tree.handle, tree.weight, tree.position]).toEqual([
      id,
      model.get(id)!.handle,
      model.get(id)!.weight,
      position,
    ]);
    position += tree.weight;
    tree.next();
  }
  expect(tree.total).toBe(position);
  for (let i = 0; i < 500; i++) {
    const id = randomId();
    const holder = ids.findLast((other) => other <= id);
    expect(tree.seekHolder(...wordsOf(id))).toBe(holder !== undefined);
    if (holder !== undefined) expect(idHere()).toBe(holder);
    tree.seekId(...wordsOf(id));
    const first = ids.find((other) => other >= id);
    expect(tree.settle()).toBe(first !== undefined);
    if (first !== undefined) expect(idHere()).toBe(first);
  }
  tree.seekWeight(1000);
  tree.weight += 5;
  expect(tree.total).toBe(position + 5);
  drain(tree.freeInSlices(true));
  arena.free(root);
  expect(arena.usedBytes).toBe(0);
});
