/**
 * Makes a native stream (overlay/encodings/stream.ts) of one that lies in a file or a payload: its nodes are taken over as they are, when
 * every entry in them has been looked at; groups, consumers and what is pending become blocks.
 */
import { ENTRY_ID_BYTES, EntryId } from "../encodings/entry-id.ts";
import { StreamNode } from "../encodings/stream-node.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { NativeStream, StreamRoot } from "../overlay/encodings/stream.ts";
import { addGroup, streamForm } from "../overlay/encodings/stream-form.ts";
import { NameList, type NativeGroup } from "../overlay/encodings/stream-groups.ts";
import { readCount, readLength64 } from "../rdb/length.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { type Record, readExpireMs } from "../rdb/record.ts";
import { Scratch } from "../rdb/scratch.ts";
import { StreamBytesMin } from "../rdb/stream-skip.ts";
import { readString } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { Span } from "../util/span.ts";
import { StreamReader } from "./stream.ts";
import { entriesReadEstimate } from "./stream-groups.ts";

const PER_SLICE = 256;

/**
 * The root, in slices. Where it throws (ArenaFull, FormatError), or is returned early, everything has been freed. The record is of a
 * stream that is not native.
 */
export function* buildStream(record: Record, blocks: Blocks): Generator<void, number, void> {
  const root = NativeStream.create(blocks);
  let isWhole = false;
  try {
    yield* fill(record, blocks, root);
    isWhole = true;
  } finally {
    if (!isWhole) atOnce(streamForm.free(blocks, root));
  }
  return root;
}

function* fill(record: Record, blocks: Blocks, root: number): Generator<void, void, void> {
  const { cursor, type } = record;
  const stream = new NativeStream(blocks).bind(blocks, root);
  record.seekValue();
  yield* takeNodes(cursor, type, stream);
  const length = readLength64(cursor);
  if (length !== BigInt(stream.length)) {
    throw new FormatError(
      "bad-stream",
      cursor.offset,
      `${stream.length} entries`,
      `the ${length} that the stream says`,
    );
  }
  const id = new EntryId();
  stream.writeLast(readId(cursor, id));
  if (type !== RdbType.STREAM_LISTPACKS) {
    // The first ID is found, whatever the file says.
    readId(cursor, id);
    stream.writeMaxDeleted(readId(cursor, id));
    const added = readLength64(cursor);
    stream.setAdded(upper(added), lower(added));
  } else stream.setAdded(0, stream.length);
  stream.findFirst();
  // What follows stands behind the nodes: groups.
  const state = new StreamReader();
  state.openState(stream);
  for (let left = readCount(cursor, StreamBytesMin.GROUP); left > 0; left--) {
    yield* takeGroup(cursor, type, blocks, root, state);
  }
}

function* takeNodes(cursor: Cursor, type: number, stream: NativeStream): Generator<void, void, void> {
  const text = new Span();
  const scratch = new Scratch();
  const blobScratch = new Scratch();
  const node = new StreamNode();
  const before = new EntryId();
  const count = readCount(cursor, StreamBytesMin.NODE);
  for (let i = 0; i < count; i++) {
    const { offset } = cursor;
    readString(cursor, text, scratch);
    if (text.length !== ENTRY_ID_BYTES) {
      throw new FormatError("bad-stream", offset, `a key of ${text.length} bytes`, "a stream ID of 16");
    }
    node.master.readBytes(text.bytes, text.start);
    if (i > 0 && node.master.compare(before) <= 0) {
      throw new FormatError(
        "bad-stream",
        offset,
        `a node ${node.master.text()} behind ${before.text()}`,
        "nodes in order",
      );
    }
    const blob = text;
    readString(cursor, blob, blobScratch);
    const problem = node.open(blob.bytes, blob.start, blob.length, offset).problem();
    if (problem !== null) throw new FormatError("bad-stream", offset, problem, `a sound node of type ${type}`);
    stream.appendCopy(node.master, blob.bytes, blob.start, blob.length, node.living);
    before.copy(node.id);
    yield;
  }
}

function* takeGroup(
  cursor: Cursor,
  type: number,
  blocks: Blocks,
  root: number,
  state: StreamReader,
): Generator<void, void, void> {
  const name = new Span();
  const scratch = new Scratch();
  const { offset } = cursor;
  readString(cursor, name, scratch);
  const groups = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
  if (groups.find(name.bytes, name.start, name.length) >= 0) throw twice(offset, "the group", name);
  const group = addGroup(blocks, root, name.bytes, name.start, name.length);
  const last = readId(cursor, new EntryId());
  group.writeLast(last);
  const read = type === RdbType.STREAM_LISTPACKS ? entriesReadEstimate(state, last) : readLength64(cursor);
  group.setRead(upper(read), lower(read));
  const pending = yield* readPending(cursor);
  let given = 0;
  for (let left = readCount(cursor, StreamBytesMin.CONSUMER); left > 0; left--) {
    const at = cursor.offset;
    readString(cursor, name, scratch);
    if (group.findConsumer(name.bytes, name.start, name.length) !== 0) throw twice(at, "the consumer", name);
    const seenMs = readExpireMs(cursor);
    const activeMs = type === RdbType.STREAM_LISTPACKS_3 ? readExpireMs(cursor) : seenMs;
    const consumer = group.addConsumer(name.bytes, name.start, name.length, seenMs, activeMs);
    given += yield* takeConsumer(cursor, group, consumer, pending);
  }
  if (given !== pending.count) {
    throw new FormatError("bad-stream", offset, "an entry pending for no consumer", "each pending for one");
  }
}

/** A group's pending entries, until it is known whose they are. */
interface Pending {
  readonly count: number;
  readonly ids: Int32Array;
  readonly timesMs: Float64Array;
  readonly counts: BigUint64Array;
}

function* readPending(cursor: Cursor): Generator<void, Pending, void> {
  const count = readCount(cursor, StreamBytesMin.PENDING);
  const pending = {
    count,
    ids: new Int32Array(4 * count),
    timesMs: new Float64Array(count),
    counts: new BigUint64Array(count),
  };
  const id = new EntryId();
  const before = new EntryId();
  for (let i = 0; i < count; i++) {
    const { offset } = cursor;
    readRawId(cursor, id);
    if (i > 0 && id.compare(before) <= 0) {
      throw new FormatError(
        "bad-stream",
        offset,
        `${id.text()} pending behind ${before.text()}`,
        "pending IDs in order",
      );
    }
    before.copy(id);
    pending.ids.set([id.msHigh, id.msLow, id.seqHigh, id.seqLow], 4 * i);
    pending.timesMs[i] = readExpireMs(cursor);
    pending.counts[i] = readLength64(cursor);
    if (i % PER_SLICE === 0) yield;
  }
  return pending;
}

/** Gives a consumer its pending entries; how many. */
function* takeConsumer(
  cursor: Cursor,
  group: NativeGroup,
  consumer: number,
  pending: Pending,
): Generator<void, number, void> {
  const count = readCount(cursor, StreamBytesMin.CONSUMER_PENDING);
  const id = new EntryId();
  const mine = new EntryId();
  for (let i = 0, row = 0; i < count; i++, row++) {
    const { offset } = cursor;
    readRawId(cursor, id);
    // Both lists are in ID order: mostly the entry behind the one before.
    if (row >= pending.count || readRow(pending, row, mine).compare(id) !== 0) row = find(pending, id);
    if (row < 0 || group.findPending(id) !== 0) {
      throw new FormatError(
        "bad-stream",
        offset,
        `an entry ${id.text()} of a consumer`,
        "one pending in its group, once",
      );
    }
    const deliveries = pending.counts[row] as bigint;
    group.addPending(id, consumer, pending.timesMs[row] as number, upper(deliveries), lower(deliveries));
    if (i % PER_SLICE === 0) yield;
  }
  return count;
}

function find(pending: Pending, id: EntryId): number {
  const mine = new EntryId();
  let low = 0;
  let high = pending.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = readRow(pending, middle, mine).compare(id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function readRow({ ids }: Pending, row: number, into: EntryId): EntryId {
  const at = 4 * row;
  return into.set(ids[at] as number, ids[at + 1] as number, ids[at + 2] as number, ids[at + 3] as number);
}

function twice(offset: number, what: string, name: Span): FormatError {
  return new FormatError("bad-stream", offset, `${what} ${JSON.stringify(name.text())} twice`, "each once");
}

function readRawId(cursor: Cursor, into: EntryId): void {
  const ms = cursor.u64be();
  into.setBig(ms, cursor.u64be());
}

function readId(cursor: Cursor, into: EntryId): EntryId {
  const ms = readLength64(cursor);
  return into.setBig(ms, readLength64(cursor));
}

function upper(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

function lower(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
