import { expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { KEY_WORDS, RadixShape } from "./stream-radix.ts";

function count(keys: readonly number[][]): number {
  const ids = new Int32Array(keys.length * KEY_WORDS);
  const view = new DataView(Uint8Array.from(keys.flat()).buffer);
  for (let i = 0; i < ids.length; i++) ids[i] = view.getInt32(i * 4);
  return new RadixShape().count(ids, keys.length);
}

/** The same from the definition: a trie of single bytes, its runs joined. */
function countByTrie(keys: readonly number[][]): number {
  const nodes = (group: readonly number[][], depth: number, isRun: boolean): number => {
    if (depth === 16) return 1;
    const children = Map.groupBy(group, (key) => key[depth] as number);
    const branches = children.size > 1;
    let total = branches || !isRun ? 1 : 0;
    for (const child of children.values()) total += nodes(child, depth + 1, !branches);
    return total;
  };
  return keys.length === 0 ? 1 : nodes(keys, 0, false);
}

const key = (...tail: number[]) => [...new Array<number>(16 - tail.length).fill(1), ...tail];

test("none, one, two keys", () => {
  expect(count([])).toBe(1);
  expect(count([key(5)])).toBe(2);
  // run, branching, two ends
  expect(count([key(5), key(6)])).toBe(4);
  // run, branching, two runs, two ends
  expect(count([key(5, 0), key(6, 0)])).toBe(6);
});

test("random keys as a trie has them", () => {
  const next = seededRandom("radix keys");
  const random = (below: number) => Math.floor(next() * below);
  for (let round = 0; round < 200; round++) {
    const texts = new Set<string>();
    for (let i = random(60); i >= 0; i--) {
      const made = Array.from({ length: 16 }, (_, at) => (at < random(16) ? 0 : random(3)));
      texts.add(String.fromCharCode(...made));
    }
    const keys = [...texts].sort().map((text) => [...text].map((letter) => letter.charCodeAt(0)));
    expect(count(keys)).toBe(countByTrie(keys));
  }
});
