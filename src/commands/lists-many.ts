/** Many elements at once of a large list: pushed, trimmed or popped in slices (alone.ts), and replied when that is done. */
import { Listpack } from "../encodings/listpack.ts";
import { i32le } from "../encodings/packed.ts";
import { bytesOf } from "../overlay/encodings/blocks.ts";
import { listpackAt } from "../overlay/encodings/list-node.ts";
import { NodeList } from "../overlay/encodings/node-list.ts";
import { Record } from "../rdb/record.ts";
import { Element } from "../types/elements.ts";
import { ListEdit } from "../types/list-edit.ts";
import { alone, Target } from "./alone.ts";
import type { Context } from "./context.ts";
import { listLimit } from "./lists-open.ts";

/** Nodes that go between two yields. */
const NODES_PER_STEP = 32;
const ELEMENTS_PER_SLICE = 256;

/** Pushes the arguments from `from` on to the native list at argument 1, just opened. */
export function* pushMany(c: Context, from: number, isHead: boolean): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const list = listOf(c, target);
  const { count } = c.args;
  yield* alone(
    c,
    target,
    pushing(
      c,
      list,
      list.pushInSlices(() => c.args, from, count, isHead),
    ),
  );
  c.reply.integer(list.total);
}

function* pushing(c: Context, list: NodeList, steps: Generator<void, void, void>): Generator<void, void, void> {
  const { keyspace } = c.server;
  for (let before = list.total; ; before = list.total) {
    const { done } = steps.next();
    keyspace.dirty += list.total - before;
    if (done === true) return;
    yield;
  }
}

/** Removes so many elements from both ends, not all there are, of the native list at argument 1, just opened. */
export function* trimMany(c: Context, head: number, tail: number): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  yield* alone(c, target, trimming(c, target, head, tail));
  c.reply.ok();
}

function* trimming(c: Context, target: Target, head: number, tail: number): Generator<void, void, void> {
  const list = listOf(c, target);
  yield* removing(c, list, tail, false);
  yield* removing(c, list, head, true);
  shrink(c, target);
}

/** Takes off `count` elements, not all there are, of the native list at argument `index`, just opened: replied from its nodes. */
export function* popMany(c: Context, index: number, count: number, isHead: boolean): Generator<void, void, void> {
  const target = new Target(c, index, c.record);
  const { arena } = target;
  const { pins } = c.server.keyspace;
  const taken = pins.take();
  try {
    const nodes: number[] = [];
    yield* alone(c, target, popping(c, target, count, isHead, nodes));
    c.reply.array(count);
    const reader = new Listpack();
    const element = new Element();
    let left = count;
    for (const node of nodes) {
      const bytes = bytesOf(arena, node);
      const at = listpackAt(arena, node);
      reader.open(bytes, at, i32le(bytes, at) >>> 0);
      if (!isHead) reader.toEnd();
      while (left > 0 && (isHead ? reader.next(element) : reader.previous(element))) {
        c.reply.elements(element);
        if (--left % ELEMENTS_PER_SLICE === 0) yield;
      }
    }
  } finally {
    pins.release(taken);
  }
}

function* popping(
  c: Context,
  target: Target,
  count: number,
  isHead: boolean,
  nodes: number[],
): Generator<void, void, void> {
  yield* removing(c, listOf(c, target), count, isHead, nodes);
  shrink(c, target);
}

/**
 * Removes elements from an end, some nodes between two yields. The handles of the nodes that they were in go to `nodes`: as long as there
 * are pins no node is changed in its place, nor used again.
 */
function* removing(
  c: Context,
  list: NodeList,
  count: number,
  isHead: boolean,
  nodes?: number[],
): Generator<void, void, void> {
  const { keyspace } = c.server;
  for (let left = count, i = 1; left > 0; i++) {
    if (isHead) list.seekFirst();
    else list.seekLast();
    nodes?.push(list.handle);
    const here = Math.min(left, list.weight);
    list.removeSome(isHead ? 0 : list.total - here, here);
    keyspace.dirty += here;
    left -= here;
    if (i % NODES_PER_STEP === 0) yield;
  }
}

function listOf(c: Context, { arena, root }: Target): NodeList {
  const list = new NodeList(arena).bind(arena, root);
  list.fill = listLimit(c);
  return list;
}

/** What is left may be so little that it becomes packed. */
function shrink(c: Context, target: Target): void {
  const record = new Record();
  if (!target.isThere(record)) return;
  const { bytes, start, length } = target.key;
  const edit = new ListEdit();
  edit.open(target.db, bytes, start, length, record, listLimit(c));
  edit.shrink();
}
