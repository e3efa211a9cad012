/** A stream as a whole (stream.ts, stream-groups.ts): STREAM_LISTPACKS_3, as docs/formats/rdb.md draws it. */
import { ENTRY_ID_BYTES, EntryId } from "../../encodings/entry-id.ts";
import { i32le } from "../../encodings/packed.ts";
import { StreamNode } from "../../encodings/stream-node.ts";
import { RdbType } from "../../rdb/opcodes.ts";
import type { ValueSink } from "../../rdb/value-sink.ts";
import { Span } from "../../util/span.ts";
import { type Blocks, bytesOf, letGo, placeOf } from "./blocks.ts";
import { IdTree } from "./id-tree.ts";
import type { NativeForm } from "./native.ts";
import { NativeStream, readNodeId, StreamRoot, toNumber } from "./stream.ts";
import {
  activeTime,
  deliveriesHigh,
  deliveriesLow,
  deliveryTime,
  NameList,
  NativeGroup,
  PENDING_BYTES,
  pendingConsumer,
  readName,
  seenTime,
} from "./stream-groups.ts";

/** A leaf's entry, and what stands above it. */
const TREE_BYTES_PER_ENTRY = 28;
/** A consumer with a short name and its handle. */
const CONSUMER_BYTES = 84;
/** A group with a short name, its handle, its list. */
const GROUP_BYTES = 128;
const PER_SLICE = 256;
/** What putLength writes for a number of 64 bits: RDB_64BITLEN. */
const LENGTH_64 = 0x81;
const SAFE_HIGH = 0x200000;

export const streamForm: NativeForm = {
  count,
  bytes,
  free,
  copy,
  rdbType: () => RdbType.STREAM_LISTPACKS_3,
  write,
};

/** Entries, and what is pending: either may be a lot of work. */
function count(blocks: Blocks, root: number): number {
  let sum = new NativeStream(blocks).bind(blocks, root).length;
  for (const group of groupsOf(blocks, root)) sum += group.pending.total + group.consumers.count;
  return sum;
}

/** By the blocks of a few nodes. */
function bytes(blocks: Blocks, root: number): number {
  const { nodes } = new NativeStream(blocks).bind(blocks, root);
  const { entries } = nodes;
  let sum = blocks.capacity(root);
  if (entries > 0) {
    // Not the last: it has room to grow.
    const samples = [0, 1 / 3, 2 / 3].map((part) => Math.floor(part * entries));
    let sampled = 0;
    for (const index of samples) {
      nodes.seekWeight(index);
      sampled += blocks.capacity(nodes.handle);
    }
    sum += Math.round((sampled / samples.length + TREE_BYTES_PER_ENTRY) * entries);
  }
  for (const group of groupsOf(blocks, root)) {
    sum += GROUP_BYTES + group.consumers.count * CONSUMER_BYTES;
    sum += group.pending.total * (PENDING_BYTES + 2 * TREE_BYTES_PER_ENTRY);
  }
  return sum;
}

/** The groups of a stream in order of their names; the same object each time. */
export function* groupsOf(blocks: Blocks, root: number): Generator<NativeGroup, void, void> {
  const groups = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
  const group = new NativeGroup(blocks);
  for (let i = 0; i < groups.count; i++) yield group.bind(blocks, groups.at(i));
}

function* free(blocks: Blocks, root: number): Generator<void, void, void> {
  yield* new NativeStream(blocks).bind(blocks, root).nodes.freeInSlices(true);
  const groups = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
  for (let i = 0; i < groups.count; i++) yield* freeGroup(blocks, groups.at(i));
  groups.free();
  blocks.free(root);
}

/** Frees a group that no list names any more, with all that is pending. */
export function* freeGroup(blocks: Blocks, handle: number): Generator<void, void, void> {
  const group = new NativeGroup(blocks).bind(blocks, handle);
  const own = new IdTree(blocks);
  const { consumers } = group;
  for (let i = 0; i < consumers.count; i++) {
    const consumer = consumers.at(i);
    yield* own.bind(blocks, consumer).freeInSlices(false);
    blocks.free(consumer);
    if (i % PER_SLICE === 0) yield;
  }
  consumers.free();
  yield* group.pending.freeInSlices(true);
  blocks.free(handle);
}

function* copy(from: Blocks, root: number, to: Blocks): Generator<void, number, void> {
  const copied = NativeStream.create(to);
  let isWhole = false;
  try {
    yield* copyNodes(from, root, to, copied);
    for (const group of groupsOf(from, root)) yield* copyGroup(from, group, to, copied);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(to, free(to, copied));
  }
  return copied;
}

function* copyNodes(from: Blocks, root: number, to: Blocks, copied: number): Generator<void, void, void> {
  const source = new NativeStream(from).bind(from, root);
  const target = new NativeStream(to).bind(to, copied);
  const { nodes } = source;
  const id = new EntryId();
  const opened = new StreamNode();
  target.writeLast(source.readLast(id));
  target.writeMaxDeleted(source.readMaxDeleted(id));
  target.writeFirst(source.readFirst(id));
  target.setAdded(source.addedHigh, source.addedLow);
  for (nodes.seekFirst(); nodes.settle(); nodes.next()) {
    const node = bytesOf(from, nodes.handle);
    const at = placeOf(nodes.handle);
    target.appendCopy(readNodeId(nodes, id), node, at, i32le(node, at) >>> 0, source.openNode(opened).living);
    yield;
  }
}

function* copyGroup(from: Blocks, source: NativeGroup, to: Blocks, copied: number): Generator<void, void, void> {
  const name = readName(from, source.handle, new Span());
  const target = addGroup(to, copied, name.bytes, name.start, name.length);
  const id = new EntryId();
  target.writeLast(source.readLast(id));
  target.setRead(source.readHigh, source.readLow);
  const { consumers } = source;
  const copies = new Map<number, number>();
  for (let i = 0; i < consumers.count; i++) {
    const old = consumers.at(i);
    readName(from, old, name);
    const fresh = target.addConsumer(name.bytes, name.start, name.length, seenTime(from, old), activeTime(from, old));
    copies.set(old, fresh);
    if (i % PER_SLICE === 0) yield;
  }
  const { pending } = source;
  let done = 0;
  for (pending.seekFirst(); pending.settle(); pending.next()) {
    const { handle } = pending;
    const consumer = copies.get(pendingConsumer(from, handle)) as number;
    target.findPending(readNodeId(pending, id));
    target.addPending(
      id,
      consumer,
      deliveryTime(from, handle),
      deliveriesHigh(from, handle),
      deliveriesLow(from, handle),
    );
    if (++done % PER_SLICE === 0) yield;
  }
}

/** Adds a group, of a name that is not there. Throws ArenaFull, nothing changed. */
export function addGroup(
  blocks: Blocks,
  root: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  group = new NativeGroup(blocks),
): NativeGroup {
  const handle = NativeGroup.create(blocks, bytes, start, length);
  try {
    const groups = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
    groups.insert(-1 - groups.find(bytes, start, length), handle);
  } catch (error) {
    blocks.free(handle);
    throw error;
  }
  return group.bind(blocks, handle);
}

function* write(sink: ValueSink, blocks: Blocks, root: number): Generator<void, void, void> {
  const stream = new NativeStream(blocks).bind(blocks, root);
  const { nodes } = stream;
  const id = new EntryId();
  const key = new Uint8Array(ENTRY_ID_BYTES);
  sink.length(nodes.entries);
  for (nodes.seekFirst(); nodes.settle(); nodes.next()) {
    readNodeId(nodes, id).writeBytes(key, 0);
    sink.length(ENTRY_ID_BYTES);
    sink.bytes(key, 0, ENTRY_ID_BYTES);
    const node = bytesOf(blocks, nodes.handle);
    const at = placeOf(nodes.handle);
    sink.string(node, at, i32le(node, at) >>> 0);
    yield;
  }
  sink.length(stream.length);
  writeId(sink, stream.readLast(id));
  writeId(sink, stream.readFirst(id));
  writeId(sink, stream.readMaxDeleted(id));
  writeLength64(sink, stream.addedHigh, stream.addedLow);
  sink.length(new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS).count);
  for (const group of groupsOf(blocks, root)) yield* writeGroup(sink, blocks, group);
}

function* writeGroup(sink: ValueSink, blocks: Blocks, group: NativeGroup): Generator<void, void, void> {
  const name = readName(blocks, group.handle, new Span());
  sink.string(name.bytes, name.start, name.length);
  writeId(sink, group.readLast(new EntryId()));
  writeLength64(sink, group.readHigh, group.readLow);
  const { pending, consumers } = group;
  yield* writePending(sink, blocks, pending, true);
  sink.length(consumers.count);
  const own = new IdTree(blocks);
  for (let i = 0; i < consumers.count; i++) {
    const consumer = consumers.at(i);
    readName(blocks, consumer, name);
    sink.string(name.bytes, name.start, name.length);
    sink.int64(seenTime(blocks, consumer));
    sink.int64(activeTime(blocks, consumer));
    yield* writePending(sink, blocks, own.bind(blocks, consumer), false);
    if (i % PER_SLICE === 0) yield;
  }
}

/** Number and IDs of pending entries, `isFull`: with time and number of deliveries. */
function* writePending(sink: ValueSink, blocks: Blocks, tree: IdTree, isFull: boolean): Generator<void, void, void> {
  const id = new EntryId();
  const raw = new Uint8Array(ENTRY_ID_BYTES);
  let done = 0;
  sink.length(tree.total);
  for (tree.seekFirst(); tree.settle(); tree.next()) {
    readNodeId(tree, id).writeBytes(raw, 0);
    sink.bytes(raw, 0, ENTRY_ID_BYTES);
    if (isFull) {
      const { handle } = tree;
      sink.int64(deliveryTime(blocks, handle));
      writeLength64(sink, deliveriesHigh(blocks, handle), deliveriesLow(blocks, handle));
    }
    if (++done % PER_SLICE === 0) yield;
  }
}

function writeId(sink: ValueSink, id: EntryId): void {
  writeLength64(sink, id.msHigh, id.msLow);
  writeLength64(sink, id.seqHigh, id.seqLow);
}

/** Writes an unsigned 64-bit number as a length. */
function writeLength64(sink: ValueSink, high: number, low: number): void {
  if (high >= 0 && high < SAFE_HIGH) {
    sink.length(toNumber(high, low));
    return;
  }
  sink.u8(LENGTH_64);
  for (let shift = 24; shift >= 0; shift -= 8) sink.u8((high >>> shift) & 0xff);
  for (let shift = 24; shift >= 0; shift -= 8) sink.u8((low >>> shift) & 0xff);
}

/** A group of a stream that nobody may see any more, for the graveyard: the root of a stream that holds it alone. Throws ArenaFull. */
export function orphan(blocks: Blocks, handle: number): number {
  const root = NativeStream.create(blocks);
  try {
    new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS).insert(0, handle);
  } catch (error) {
    blocks.free(root);
    throw error;
  }
  return root;
}
