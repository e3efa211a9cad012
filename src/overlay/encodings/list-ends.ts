/**
 * The straight ways to a large list's ends, where most is pushed and popped: one element of the first or last node (list-node.ts), where
 * nothing but that node and the weights above it changes. What one of them refuses has changed nothing and is NodeList's.
 *
 *   first    | start | gap ◄── | header | new | element … | end |                 the header moves
 *   last     | start | gap     | header | element … | new | end | ──► room |
 *
 * Nobody may hold views (Blocks.pins), as after Database.findToChange. Each request runs through these functions: they work on local
 * variables and what is in memory; what is rare is a call.
 */
import { Element } from "../../encodings/element.ts";
import { backLengthBytes, elementBytes, Listpack } from "../../encodings/listpack.ts";
import { isShortText, measureElement, putElement, putShortText, writeHeader } from "../../encodings/listpack-writer.ts";
import { i32le, u16le } from "../../encodings/packed.ts";
import { IN_WINDOW, WINDOW_SHIFT } from "../arena.ts";
import { type Blocks, bytesOf, placeOf } from "./blocks.ts";
import { NODE_FIRST, TreeRoot } from "./counted-tree.ts";
import { gapOf, listpackAt, moveStart } from "./list-node.ts";
import { exceedsNode, keepsBlock } from "./node-list.ts";

const LISTPACK_HEADER_BYTES = 6;
/** So many elements or more are not counted. */
const COUNT_UNKNOWN = 0xffff;
const END = 0xff;
/** What a short text takes beside itself, and what any element may take. */
const SHORT_OVERHEAD_BYTES = 2;
const ELEMENT_OVERHEAD_BYTES_MAX = 10;
/** What Redis assumes an element adds to its bytes. */
const ELEMENT_OVERHEAD_BYTES = 8;
/** Heads of elements from which on they are: a text of up to 63 bytes, an integer, a longer text, an integer. */
const SHORT = 0x80;
const INTEGER = 0xc0;
const LONG = 0xe0;
const VERY_LONG = 0xf0;
/** Words of an entry of a list's tree: block or child, weight. */
const STRIDE = 2;

const READER = new Listpack();
const ELEMENT = new Element();

/** Where an element that is popped goes: Reply. */
export interface ElementSink {
  bulk(bytes: Uint8Array, start: number, length: number): void;
  bulkInteger(value: number): void;
  elements(element: Element): void;
}

/** Elements of the list with this root. */
export function listCount(blocks: Blocks, root: number): number {
  const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
  return (words[((root & IN_WINDOW) << 1) + TreeRoot.WEIGHT] as number) >>> 0;
}

/** Adds an element to the first node: how many there are in the list then; 0, nothing changed, where that is not all there is to do. */
export function pushFirst(
  blocks: Blocks,
  root: number,
  fill: number,
  text: Uint8Array,
  from: number,
  length: number,
): number {
  const node = enter(blocks, root, true, 1);
  if (node === 0) return 0;
  const bytes = bytesOf(blocks, node);
  const pos = listpackAt(blocks, node);
  const total = i32le(bytes, pos);
  const count = u16le(bytes, pos + 4) + 1;
  const isShort = isShortText(text, from, length);
  const size = isShort ? length + SHORT_OVERHEAD_BYTES : measureElement(text, from, length);
  if (
    count >= COUNT_UNKNOWN ||
    exceedsNode(fill, total + length + ELEMENT_OVERHEAD_BYTES, count) ||
    size > gapOf(blocks, node)
  ) {
    return leave(blocks, root, true);
  }
  const start = pos - size;
  writeHeader(bytes, start, total + size, count);
  if (isShort) putShortText(bytes, start + LISTPACK_HEADER_BYTES, text, from, length);
  else putElement(bytes, start + LISTPACK_HEADER_BYTES, text, from, length);
  moveStart(blocks, node, -size);
  return listCount(blocks, root);
}

/** As pushFirst, to the last node. */
export function pushLast(
  blocks: Blocks,
  root: number,
  fill: number,
  text: Uint8Array,
  from: number,
  length: number,
): number {
  const node = enter(blocks, root, false, 1);
  if (node === 0) return 0;
  const bytes = bytesOf(blocks, node);
  const pos = listpackAt(blocks, node);
  const total = i32le(bytes, pos);
  const count = u16le(bytes, pos + 4) + 1;
  const isShort = isShortText(text, from, length);
  const end = pos + total - 1;
  const endMax = end + length + (isShort ? SHORT_OVERHEAD_BYTES : ELEMENT_OVERHEAD_BYTES_MAX);
  if (
    count >= COUNT_UNKNOWN ||
    exceedsNode(fill, total + length + ELEMENT_OVERHEAD_BYTES, count) ||
    endMax >= placeOf(node) + blocks.capacity(node)
  ) {
    return leave(blocks, root, false);
  }
  const after = isShort ? putShortText(bytes, end, text, from, length) : putElement(bytes, end, text, from, length);
  bytes[after] = END;
  writeHeader(bytes, pos, after + 1 - pos, count);
  return listCount(blocks, root);
}

/** Takes an element off the first node and gives it to `sink`; false, nothing done, where that is not all there is to do. */
export function popFirst(blocks: Blocks, root: number, fill: number, sink: ElementSink): boolean {
  const node = enter(blocks, root, true, 0);
  if (node === 0) return false;
  const bytes = bytesOf(blocks, node);
  const pos = listpackAt(blocks, node);
  const total = i32le(bytes, pos);
  const first = pos + LISTPACK_HEADER_BYTES;
  const size = elementBytes(bytes, first);
  const whole = size + backLengthBytes(size);
  const count = u16le(bytes, pos + 4);
  if (!isPopped(blocks, root, fill, node, total - whole, count) || size === 0 || first + whole >= pos + total)
    return false;
  give(sink, bytes, pos, total, first, size);
  writeHeader(bytes, pos + whole, total - whole, count - 1);
  moveStart(blocks, node, whole);
  enter(blocks, root, true, -1);
  return true;
}

/** As popFirst, of the last node. */
export function popLast(blocks: Blocks, root: number, fill: number, sink: ElementSink): boolean {
  const node = enter(blocks, root, false, 0);
  if (node === 0) return false;
  const bytes = bytesOf(blocks, node);
  const pos = listpackAt(blocks, node);
  const total = i32le(bytes, pos);
  const end = pos + total - 1;
  const back = bytes[end - 1] as number;
  const whole = back < 128 ? back + 1 : longBack(bytes, end);
  const last = end - whole;
  const count = u16le(bytes, pos + 4);
  if (last < pos + LISTPACK_HEADER_BYTES || !isPopped(blocks, root, fill, node, total - whole, count)) return false;
  const size = elementBytes(bytes, last);
  if (size + backLengthBytes(size) !== whole) return false;
  give(sink, bytes, pos, total, last, size);
  bytes[last] = END;
  writeHeader(bytes, pos, total - whole, count - 1);
  enter(blocks, root, false, -1);
  return true;
}

/**
 * The first or the last node, after what is written above it is that it has so many elements more: the weights on the way there, and the
 * root's. 0, nothing changed, where the list has no node, or as many elements as it may have.
 */
function enter(blocks: Blocks, root: number, isHead: boolean, change: -1 | 0 | 1): number {
  let window = root >>> WINDOW_SHIFT;
  let words = blocks.words[window] as Int32Array;
  let at = (root & IN_WINDOW) << 1;
  let node = words[at + TreeRoot.TOP] as number;
  const count = words[at + TreeRoot.WEIGHT] as number;
  if (node === 0 || count === -1) return 0;
  words[at + TreeRoot.WEIGHT] = count + change;
  for (let level = words[at + TreeRoot.HEIGHT] as number; level >= 0; level--) {
    if (node >>> WINDOW_SHIFT !== window) {
      window = node >>> WINDOW_SHIFT;
      words = blocks.words[window] as Int32Array;
    }
    at = (node & IN_WINDOW) << 1;
    at += NODE_FIRST + (isHead ? 0 : ((words[at] as number) - 1) * STRIDE);
    words[at + 1] = (words[at + 1] as number) + change;
    node = words[at] as number;
  }
  return node;
}

/** After `enter(…, 1)`, for a push that is not to be: 0. */
function leave(blocks: Blocks, root: number, isHead: boolean): number {
  enter(blocks, root, isHead, -1);
  return 0;
}

/**
 * Whether a node may have one of its `count` elements taken off so that `total` bytes are left: one of them stays, the list is none of a
 * single node (which may have to become packed), and the node keeps its block.
 */
function isPopped(blocks: Blocks, root: number, fill: number, node: number, total: number, count: number): boolean {
  if (count < 2 || count === COUNT_UNKNOWN) return false;
  const words = blocks.words[root >>> WINDOW_SHIFT] as Int32Array;
  const nodes = words[((root & IN_WINDOW) << 1) + TreeRoot.ENTRIES] as number;
  const capacity = blocks.capacity(node);
  return nodes > 1 && (total > capacity / 2 || keepsBlock(fill, nodes, capacity));
}

/** Bytes of the element before `end`, its back length of more than one byte included. */
function longBack(bytes: Uint8Array, end: number): number {
  let size = 0;
  let digits = 0;
  for (let scale = 1; digits < 5; scale *= 128) {
    const digit = bytes[end - ++digits] as number;
    size += (digit & 127) * scale;
    if (digit < 128) break;
  }
  return size + digits;
}

/** Gives the element at `at`, of `size` bytes without its back length, of the listpack at `pos`. */
function give(sink: ElementSink, bytes: Uint8Array, pos: number, total: number, at: number, size: number): void {
  const head = bytes[at] as number;
  if (head < SHORT) sink.bulkInteger(head);
  else if (head < INTEGER) sink.bulk(bytes, at + 1, size - 1);
  else if (head >= LONG && head <= VERY_LONG) {
    const headBytes = head === VERY_LONG ? 5 : 2;
    sink.bulk(bytes, at + headBytes, size - headBytes);
  } else giveInteger(sink, bytes, pos, total, at);
}

function giveInteger(sink: ElementSink, bytes: Uint8Array, pos: number, total: number, at: number): void {
  READER.open(bytes, pos, total).pos = at;
  READER.next(ELEMENT);
  sink.elements(ELEMENT);
}
