/** The consumer groups of a native stream, read where they lie (overlay/encodings/stream-groups.ts). */
import { EntryId } from "../encodings/entry-id.ts";
import type { Blocks } from "../overlay/encodings/blocks.ts";
import { IdTree } from "../overlay/encodings/id-tree.ts";
import { type NativeStream, readNodeId, StreamRoot } from "../overlay/encodings/stream.ts";
import {
  activeTime,
  deliveriesHigh,
  deliveriesLow,
  deliveryTime,
  NameList,
  NativeGroup,
  pendingConsumer,
  readName,
  seenTime,
} from "../overlay/encodings/stream-groups.ts";
import { Span } from "../util/span.ts";
import type { Groups } from "./stream-groups.ts";

export class NativeGroups implements Groups {
  /** The group where this stands. */
  readonly group: NativeGroup;
  readonly name = new Span();
  readonly lastId = new EntryId();
  readonly consumerName = new Span();
  readonly owner = new Span();
  readonly pendingId = new EntryId();
  #blocks: Blocks;
  readonly #list: NameList;
  /** Of the consumer where this stands. */
  readonly #own: IdTree;
  readonly #pending: IdTree;
  #consumer = 0;
  #isBefore = false;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
    this.group = new NativeGroup(blocks);
    this.#list = new NameList(blocks);
    this.#own = new IdTree(blocks);
    this.#pending = new IdTree(blocks);
  }

  open(stream: NativeStream): this {
    this.#blocks = stream.blocks;
    this.#list.bind(stream.blocks, stream.root, StreamRoot.GROUPS);
    return this;
  }

  get count(): number {
    return this.#list.count;
  }

  stand(index: number): void {
    const group = this.group.bind(this.#blocks, this.#list.at(index));
    readName(this.#blocks, group.handle, this.name);
    group.readLast(this.lastId);
  }

  find(bytes: Uint8Array, start: number, length: number): boolean {
    const index = this.#list.find(bytes, start, length);
    if (index >= 0) this.stand(index);
    return index >= 0;
  }

  get entriesRead(): bigint {
    return (BigInt(this.group.readHigh) << 32n) | BigInt(this.group.readLow >>> 0);
  }

  get pendingCount(): number {
    return this.group.pending.total;
  }

  get consumers(): number {
    return this.group.consumers.count;
  }

  standAtConsumer(index: number): void {
    this.#consumer = this.group.consumers.at(index);
    readName(this.#blocks, this.#consumer, this.consumerName);
  }

  findConsumer(bytes: Uint8Array, start: number, length: number): number {
    return Math.max(-1, this.group.consumers.find(bytes, start, length));
  }

  get seenTimeMs(): number {
    return seenTime(this.#blocks, this.#consumer);
  }

  get activeTimeMs(): number {
    return activeTime(this.#blocks, this.#consumer);
  }

  get consumerPending(): number {
    return this.#own.bind(this.#blocks, this.#consumer).total;
  }

  seekPending(from: EntryId, consumer: number): void {
    const root = consumer < 0 ? this.group.handle : this.group.consumers.at(consumer);
    this.#pending.bind(this.#blocks, root).seekId(from.msHigh, from.msLow, from.seqHigh, from.seqLow);
    this.#isBefore = true;
  }

  nextPending(): boolean {
    const pending = this.#pending;
    const isThere = this.#isBefore ? pending.settle() : pending.next();
    this.#isBefore = false;
    if (isThere) this.#read();
    return isThere;
  }

  lastPending(): boolean {
    const pending = this.#pending.bind(this.#blocks, this.group.handle);
    if (pending.total === 0) return false;
    pending.seekLast();
    this.#read();
    return true;
  }

  get deliveryTimeMs(): number {
    return deliveryTime(this.#blocks, this.#pending.handle);
  }

  get deliveryCount(): number | bigint {
    const high = deliveriesHigh(this.#blocks, this.#pending.handle);
    const low = deliveriesLow(this.#blocks, this.#pending.handle) >>> 0;
    return high === 0 ? low : (BigInt(high >>> 0) << 32n) | BigInt(low);
  }

  #read(): void {
    readNodeId(this.#pending, this.pendingId);
    readName(this.#blocks, pendingConsumer(this.#blocks, this.#pending.handle), this.owner);
  }
}
