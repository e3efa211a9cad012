/**
 * Native streams against a model: entries, trimming, groups and what is pending for whom; copies, payloads and what is made of them; memory
 * that is full at any moment; nothing is left when they are freed.
 */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { ScarceBlocks } from "../../test/support/scarce-blocks.ts";
import { EntryId } from "../encodings/entry-id.ts";
import { StreamNode } from "../encodings/stream-node.ts";
import type { Pairs } from "../encodings/stream-node-writer.ts";
import { Arena } from "../overlay/arena.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { atOnce } from "../overlay/encodings/native.ts";
import { NativeStream, StreamRoot } from "../overlay/encodings/stream.ts";
import { addGroup, groupsOf, orphan, streamForm } from "../overlay/encodings/stream-form.ts";
import { NameList, NativeGroup, readName } from "../overlay/encodings/stream-groups.ts";
import { Pins } from "../overlay/pins.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { PayloadSink } from "../rdb/value-sink.ts";
import { sourceOf } from "../util/byte-source.ts";
import { binaryBytes, Span } from "../util/span.ts";
import { StreamReader } from "./stream.ts";
import { buildStream } from "./stream-build.ts";

const LIMITS = { "stream-node-max-bytes": 400, "stream-node-max-entries": 8 };
const READER = new StreamReader();

function pairsOf(texts: readonly string[]): Pairs {
  const bytes = binaryBytes(texts.join(""));
  const starts = new Int32Array(texts.length);
  const lengths = Int32Array.from(texts, (text) => text.length);
  for (let i = 1; i < texts.length; i++) starts[i] = (starts[i - 1] as number) + (lengths[i - 1] as number);
  return { bytes, starts, lengths, first: 0, count: texts.length / 2 };
}

/** Everything that can be read of a stream, as plain values. */
function contentOf(blocks: Blocks, root: number): unknown {
  const stream = new NativeStream(blocks).bind(blocks, root);
  READER.openState(stream);
  READER.seekAll();
  const entries: string[] = [];
  while (READER.next()) {
    const texts: string[] = [];
    while (READER.nextField()) texts.push(READER.field.text().text(), READER.value.text().text());
    entries.push(`${READER.id.text()} ${texts.join(" ")}`);
  }
  const backwards: string[] = [];
  READER.seekAll(true);
  while (READER.next()) backwards.unshift(READER.id.text());
  expect(backwards).toEqual(entries.map((entry) => entry.split(" ", 1)[0] as string));
  expect(stream.length).toBe(entries.length);
  for (stream.nodes.seekFirst(); stream.nodes.settle(); stream.nodes.next()) {
    expect(stream.openNode(new StreamNode()).problem()).toBeNull();
  }
  return {
    entries,
    ids: [READER.lastId.text(), READER.firstId.text(), READER.maxDeletedId.text(), READER.entriesAdded],
    groups: groupsContent(blocks, root),
  };
}

function groupsContent(blocks: Blocks, root: number): unknown[] {
  const groups = READER.groups();
  const content: unknown[] = [];
  for (let g = 0; g < groups.count; g++) {
    groups.stand(g);
    const pending: string[] = [];
    groups.seekPending(new EntryId(), -1);
    while (groups.nextPending()) {
      const { pendingId, owner, deliveryTimeMs, deliveryCount } = groups;
      pending.push(`${pendingId.text()} ${owner.text()} ${deliveryTimeMs} ${deliveryCount}`);
    }
    const consumers: unknown[] = [];
    for (let i = 0; i < groups.consumers; i++) {
      groups.standAtConsumer(i);
      const name = groups.consumerName.text();
      const own: string[] = [];
      groups.seekPending(new EntryId(), i);
      while (groups.nextPending()) own.push(groups.pendingId.text());
      expect(own).toEqual(
        pending.filter((row) => row.split(" ")[1] === name).map((row) => row.split(" ")[0] as string),
      );
      expect(own.length).toBe(groups.consumerPending);
      consumers.push([name, groups.seenTimeMs, groups.activeTimeMs]);
    }
    content.push([groups.name.text(), groups.lastId.text(), groups.entriesRead, pending, consumers]);
  }
  expect([...groupsOf(blocks, root)].length).toBe(groups.count);
  return content;
}

/** Random changes, of which each may fail for want of memory: nothing has changed then. */
class Changes {
  readonly stream: NativeStream;
  readonly group: NativeGroup;
  clock = 1;
  readonly #random: () => number;

  constructor(
    random: () => number,
    readonly blocks: Blocks,
    readonly root: number,
  ) {
    this.#random = random;
    this.stream = new NativeStream(blocks).bind(blocks, root);
    this.group = new NativeGroup(blocks);
  }

  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  id(): EntryId {
    return EntryId.of(Math.max(1, this.clock - this.below(60)), this.below(3));
  }

  /** One change, ready to be tried again and again. */
  next(): () => void {
    const { stream } = this;
    const name = binaryBytes(`group${this.below(3)}`);
    const consumer = binaryBytes(`consumer${this.below(4)}`);
    const id = this.id();
    switch (this.below(12)) {
      case 0:
        return () => void stream.remove(id);
      case 1:
        return this.#trim(id);
      case 2:
        return () => this.#inGroup(name, () => void this.#consumer(consumer));
      case 3:
      case 4:
        return () => this.#inGroup(name, () => this.#deliver(id, consumer));
      case 5:
        return () => this.#inGroup(name, () => this.#acknowledge(id));
      case 6:
        if (this.below(20) > 0) return () => this.#inGroup(name, () => {});
        return () => this.#inGroup(name, () => this.#dropConsumer(consumer));
      default:
        return this.#append();
    }
  }

  #append(): () => void {
    this.clock += this.below(3) + 1;
    const id = EntryId.of(this.below(50) === 0 ? this.clock + 200 : this.clock, this.below(3));
    this.clock = Number(id.ms);
    const fields = this.below(4) === 0 ? ["x", "12"] : ["n"];
    const texts = fields.flatMap((field) => [field, "v".repeat(this.below(90)) || `${this.below(1000)}`]);
    const pairs = pairsOf(texts);
    return () => this.stream.append(id, pairs, LIMITS);
  }

  #trim(id: EntryId): () => void {
    const isApproximate = this.below(2) === 0;
    const limit = this.below(3) === 0 ? 20 : 0;
    const length = this.stream.length - this.below(12);
    const nodes = this.below(2) === 0 ? 1 : Number.POSITIVE_INFINITY;
    if (this.below(2) === 0)
      return () => void this.stream.trimToLength(Math.max(0, length), isApproximate, limit, nodes);
    return () => void this.stream.trimToId(id, isApproximate, limit, nodes);
  }

  #inGroup(name: Uint8Array, change: () => void): void {
    const { blocks, root } = this;
    const list = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
    const at = list.find(name, 0, name.length);
    if (at < 0) addGroup(blocks, root, name, 0, name.length, this.group).setRead(-1, -1);
    else {
      this.group.bind(blocks, list.at(at));
      change();
    }
  }

  #consumer(name: Uint8Array): number {
    return (
      this.group.findConsumer(name, 0, name.length) || this.group.addConsumer(name, 0, name.length, this.clock, -1)
    );
  }

  #deliver(id: EntryId, name: Uint8Array): void {
    const known = this.group.findConsumer(name, 0, name.length);
    if (known === 0) this.#consumer(name);
    else {
      const pending = this.group.findPending(id);
      if (pending === 0) this.group.addPending(id, known, this.clock, 0, 1);
      else this.group.assign(id, pending, known);
    }
  }

  #acknowledge(id: EntryId): void {
    const pending = this.group.findPending(id);
    if (pending !== 0) this.group.removePending(id, pending);
  }

  #dropConsumer(name: Uint8Array): void {
    const index = this.group.consumers.find(name, 0, name.length);
    if (index >= 0) this.group.removeConsumer(index, Number.POSITIVE_INFINITY);
  }
}

function emptied(arena: Arena): void {
  while (arena.tick(true));
  expect(arena.usedBytes).toBe(0);
}

test("random changes; copies, payloads, and what is made of them", () => {
  const arena = new Arena(new Pins());
  const root = NativeStream.create(arena);
  const changes = new Changes(seededRandom("native streams"), arena, root);
  for (let step = 1; step <= 6000; step++) {
    changes.next()();
    if (step % 500 !== 0) continue;
    const content = contentOf(arena, root);
    const copy = atOnce(streamForm.copy(arena, root, arena));
    expect(contentOf(arena, copy)).toEqual(content);
    atOnce(streamForm.free(arena, copy));
    const rebuilt = rebuild(arena, root);
    expect(contentOf(arena, rebuilt)).toEqual(content);
    atOnce(streamForm.free(arena, rebuilt));
  }
  expect(streamForm.count(arena, root)).toBeGreaterThan(changes.stream.length);
  const estimate = streamForm.bytes(arena, root);
  expect(Math.abs(estimate - arena.usedBytes)).toBeLessThan(arena.usedBytes / 2);
  atOnce(streamForm.free(arena, root));
  emptied(arena);
});

/** By way of the bytes of RDB. */
function rebuild(arena: Arena, root: number): number {
  const sink = new PayloadSink();
  sink.u8(streamForm.rdbType(arena, root));
  sink.string(binaryBytes("key"), 0, 3);
  atOnce(streamForm.write(sink, arena, root));
  const record = new Record();
  record.readAt(sourceOf(sink.buffer.slice(0, sink.size)), 0);
  expect(record.type).toBe(RdbType.STREAM_LISTPACKS_3);
  return atOnce(buildStream(record, arena));
}

describe("an arena that is full at any moment", () => {
  test("leaves a stream as it was", () => {
    const arena = new Arena(new Pins());
    const blocks = new ScarceBlocks(arena);
    const root = NativeStream.create(blocks);
    const changes = new Changes(seededRandom("native streams, full"), blocks, root);
    let failures = 0;
    for (let step = 0; step < 900; step++) {
      const change = changes.next();
      const before = JSON.stringify(contentOf(blocks, root), big);
      failures += blocks.insist(change, () => expect(JSON.stringify(contentOf(blocks, root), big)).toBe(before));
    }
    expect(failures).toBeGreaterThan(200);
    atOnce(streamForm.free(arena, root));
    emptied(arena);
  });

  test("leaves nothing of a copy that could not be made, of what is built, of an orphaned group", () => {
    const arena = new Arena(new Pins());
    const blocks = new ScarceBlocks(arena);
    const root = NativeStream.create(blocks);
    const changes = new Changes(seededRandom("native streams, copied"), blocks, root);
    for (let step = 0; step < 400; step++) changes.next()();
    const used = arena.usedBytes;
    const unchanged = () => expect(arena.usedBytes).toBe(used);
    const made: number[] = [];
    blocks.insist(() => made.push(atOnce(streamForm.copy(blocks, root, blocks))), unchanged);
    atOnce(streamForm.free(arena, made.pop() as number));
    unchanged();
    const sink = new PayloadSink();
    sink.u8(RdbType.STREAM_LISTPACKS_3);
    sink.string(binaryBytes("key"), 0, 3);
    atOnce(streamForm.write(sink, arena, root));
    const record = new Record();
    record.readAt(sourceOf(sink.buffer.slice(0, sink.size)), 0);
    blocks.insist(() => made.push(atOnce(buildStream(record, blocks))), unchanged);
    atOnce(streamForm.free(arena, made.pop() as number));
    unchanged();
    const groups = new NameList(blocks).bind(blocks, root, StreamRoot.GROUPS);
    const handle = groups.at(0);
    blocks.insist(() => made.push(orphan(blocks, handle)), unchanged);
    expect(readName(arena, handle, new Span()).text()).toStartWith("group");
    groups.remove(0);
    atOnce(streamForm.free(arena, made.pop() as number));
    atOnce(streamForm.free(arena, root));
    emptied(arena);
  });
});

function big(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
