/**
 * Who waits for keys (BLPOP, XREAD BLOCK …): per database number and key the waiters in the order they came, and the keys that have
 * become ready since they were last served. Databases signal here when a key comes into being, or goes; who serves is dispatch's
 * matter (commands/blocking.ts).
 *
 * As in Redis waiters belong to a database's number: SWAPDB brings other keys under it.
 */
import type { ObjectType } from "../rdb/opcodes.ts";
import { binaryBytes, binaryText } from "../util/span.ts";

export interface Waiter {
  /** A key of another type is not what it waits for. */
  readonly type: ObjectType;
  /** It is to be told of a key's deletion, or change to another type, too. */
  readonly seesDeletion: boolean;
}

export interface WaitQueue {
  readonly dbid: number;
  readonly key: Uint8Array;
  readonly text: string;
  readonly hash: number;
  /** In the order they came. */
  readonly waiters: Set<Waiter>;
}

/** Most signals are of keys that nobody waits for: counters by hash tell so without a string of the key. */
const BUCKETS = 1024;

export class KeyWaits {
  /** Queues: keys that somebody waits for. */
  count = 0;
  /** Keys to be served. */
  readyCount = 0;
  /** Called when the first key becomes ready. */
  onReady: () => void = () => {};
  readonly #queues: Map<string, WaitQueue>[] = [];
  readonly #buckets = new Int32Array(BUCKETS);
  #ready = new Set<WaitQueue>();

  /** The waiter waits, behind all others, for the key. `hash`: Database.hash of it. */
  add(dbid: number, hash: number, bytes: Uint8Array, start: number, length: number, waiter: Waiter): WaitQueue {
    const text = binaryText(bytes, start, length);
    this.#queues[dbid] ??= new Map();
    const queues = this.#queues[dbid];
    let queue = queues.get(text);
    if (queue === undefined) {
      queue = { dbid, key: binaryBytes(text), text, hash, waiters: new Set() };
      queues.set(text, queue);
      this.count++;
      this.#countHash(hash, 1);
    }
    queue.waiters.add(waiter);
    return queue;
  }

  remove(queue: WaitQueue, waiter: Waiter): void {
    if (!queue.waiters.delete(waiter) || queue.waiters.size > 0) return;
    (this.#queues[queue.dbid] as Map<string, WaitQueue>).delete(queue.text);
    this.count--;
    this.#countHash(queue.hash, -1);
  }

  /** The key has come into being, or something was added to it. Whoever has seen `count` > 0. */
  signal(dbid: number, hash: number, bytes: Uint8Array, start: number, length: number): void {
    const queue = this.#find(dbid, hash, bytes, start, length);
    if (queue !== undefined) this.markReady(queue);
  }

  /** The key is gone. Whoever has seen `count` > 0. */
  signalDeleted(dbid: number, hash: number, bytes: Uint8Array, start: number, length: number): void {
    const queue = this.#find(dbid, hash, bytes, start, length);
    if (queue !== undefined && seesDeletion(queue)) this.markReady(queue);
  }

  /** All keys of the database may have come, or gone (SWAPDB, FLUSHDB). */
  signalAll(dbid: number): void {
    for (const queue of this.#queues[dbid]?.values() ?? []) this.markReady(queue);
  }

  markReady(queue: WaitQueue): void {
    if (queue.waiters.size === 0 || this.#ready.has(queue)) return;
    this.#ready.add(queue);
    if (this.readyCount++ === 0) this.onReady();
  }

  /** The keys that have become ready, in that order; none is ready after that. */
  takeReady(): Iterable<WaitQueue> {
    const ready = this.#ready;
    this.#ready = new Set();
    this.readyCount = 0;
    return ready;
  }

  #find(dbid: number, hash: number, bytes: Uint8Array, start: number, length: number): WaitQueue | undefined {
    if (this.#buckets[hash & (BUCKETS - 1)] === 0) return undefined;
    return this.#queues[dbid]?.get(binaryText(bytes, start, length));
  }

  #countHash(hash: number, sign: 1 | -1): void {
    const bucket = hash & (BUCKETS - 1);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + sign;
  }
}

function seesDeletion(queue: WaitQueue): boolean {
  for (const waiter of queue.waiters) if (waiter.seesDeletion) return true;
  return false;
}
