/**
 * Who reads native structures in slices, and who waits to change them. A structure is changed in place; so a command that goes on
 * reading after a yield holds those that it has looked up, and a command that wants to change one of them waits until nobody does.
 * While somebody waits, new readers wait behind him: otherwise readers one after the other could keep him out for ever.
 */
import { nativeBlocks, nativeRoot } from "../keyspace/native.ts";
import type { Arena } from "../overlay/arena.ts";
import { isNativeType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import type { Client } from "./client.ts";
import type { Context } from "./context.ts";
import { peek } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";

/** How often a command that waits looks again. */
export const LOOK_AGAIN_MS = 1;

/** The structures that one command has looked up. */
export class NativeReads {
  count = 0;
  /** The command is changing a structure in slices (alone.ts): others wait for it, so it waits for no client. */
  isAlone = false;
  #isHolding = false;
  readonly #arenas: Arena[] = [];
  readonly #roots: number[] = [];

  /** The command has found this record, of a native type, in order to read it. Throws NotReady where another one waits to change it. */
  note(record: Record, client: Client): void {
    const arena = nativeBlocks(record);
    const root = nativeRoot(record);
    if (!this.#isHolding && arena.awaited.size > 0 && arena.awaited.has(root)) {
      throw new NotReady(until(client, () => !arena.awaited.has(root)));
    }
    this.noteOwn(arena, root);
  }

  /** The command has had this structure alone until now (alone.ts), without a yield since, and goes on to read it: whoever waits for it waits on. */
  noteOwn(arena: Arena, root: number): void {
    this.#arenas[this.count] = arena;
    this.#roots[this.count++] = root;
    if (this.#isHolding) change(arena.readers, root, 1);
  }

  /** The command goes on after a yield: what it has noted, and what it will note, is held. */
  hold(): void {
    if (this.#isHolding) return;
    this.#isHolding = true;
    this.#changeAll(1);
  }

  /** The command has ended, or looks everything up again when it goes on. */
  release(): void {
    this.forget();
    this.#isHolding = false;
  }

  /** The handler begins anew. */
  forget(): void {
    if (this.#isHolding) this.#changeAll(-1);
    this.count = 0;
    this.#arenas.length = this.#roots.length = 0;
  }

  /** Whether somebody waits for one of those held. */
  get isAwaited(): boolean {
    if (this.isAlone) return true;
    return this.#isHolding && this.#roots.some((root, i) => (this.#arenas[i] as Arena).awaited.has(root));
  }

  #changeAll(sign: 1 | -1): void {
    for (let i = 0; i < this.count; i++) change((this.#arenas[i] as Arena).readers, this.#roots[i] as number, sign);
  }
}

/** Before a native structure of the top overlay is changed. Throws NotReady while it is being read in slices. */
export function awaitReaders(record: Record, client: Client): void {
  const arena = nativeBlocks(record);
  if (arena.readers.size === 0) return;
  const root = nativeRoot(record);
  if (arena.readers.has(root)) throw new NotReady(untilUnread(client, arena, root));
}

/** Before a native structure is read whole, to be taken from its key. Throws NotReady while it is being changed in slices. */
export function awaitChange(record: Record, client: Client): void {
  const arena = nativeBlocks(record);
  if (arena.awaited.size === 0) return;
  const root = nativeRoot(record);
  if (arena.awaited.has(root)) throw new NotReady(until(client, () => !arena.awaited.has(root)));
}

/**
 * Before a command looks the key at argument `index` up anew, between two slices: waits until nobody changes its structure. `note` does not
 * keep out who may hold others.
 */
export function* untilUnchanging(c: Context, index: number): Generator<void, void, void> {
  c.natives.forget();
  while (peek(c, index) && isNativeType(c.record.type)) {
    const arena = nativeBlocks(c.record);
    const root = nativeRoot(c.record);
    if (!arena.awaited.has(root)) return;
    yield* until(c.client, () => !arena.awaited.has(root));
  }
}

/**
 * Holds a structure of the top overlay, which nobody reads, against all others: who wants to read it waits, who wants to change it, too.
 * Returns what lets go of it.
 */
export function holdAlone(arena: Arena, root: number): () => void {
  change(arena.readers, root, 1);
  change(arena.awaited, root, 1);
  arena.alone.add(root);
  return () => {
    change(arena.readers, root, -1);
    change(arena.awaited, root, -1);
    arena.alone.delete(root);
  };
}

/** Waits until nobody but who holds it alone reads the structure: a command that held others already was not kept out. */
export function* untilAlone(arena: Arena, root: number, client: Client): Generator<void, void, void> {
  if (isReadByOthers(arena, root)) yield* until(client, () => !isReadByOthers(arena, root));
}

/** Whether somebody reads a structure beside who holds it alone. */
export function isReadByOthers(arena: Arena, root: number): boolean {
  return (arena.readers.get(root) ?? 0) > 1;
}

function* untilUnread(client: Client, arena: Arena, root: number): Generator<void, void, void> {
  change(arena.awaited, root, 1);
  try {
    yield* until(client, () => !arena.readers.has(root));
  } finally {
    change(arena.awaited, root, -1);
  }
}

function* until(client: Client, isSo: () => boolean): Generator<void, void, void> {
  try {
    while (!isSo()) {
      client.wakeAtMs = Date.now() + LOOK_AGAIN_MS;
      yield;
    }
  } finally {
    client.wakeAtMs = 0;
  }
}

function change(counts: Map<number, number>, root: number, sign: 1 | -1): void {
  const count = (counts.get(root) ?? 0) + sign;
  if (count === 0) counts.delete(root);
  else counts.set(root, count);
}
