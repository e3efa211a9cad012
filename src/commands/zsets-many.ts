/** Many members at once of a large sorted set: they are removed, or popped, in slices (alone.ts), and replied when that is done. */
import { readScored } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { SortedSet } from "../overlay/encodings/sorted-set.ts";
import { Record } from "../rdb/record.ts";
import { Element } from "../types/elements.ts";
import { alone, CHANGED_PER_STEP, eachArgument, Target } from "./alone.ts";
import type { Context } from "./context.ts";

/** Removes the members from argument 2 on from the native sorted set at argument 1, just opened. */
export function* removeNamed(c: Context): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const set = new SortedSet(target.arena).bind(target.arena, target.root);
  const { keyspace } = c.server;
  let removed = 0;
  const steps = eachArgument(c, 2, 1, ({ bytes, starts, lengths }, i) => {
    const start = starts[i] as number;
    const length = lengths[i] as number;
    const handle = set.find(memberHash(bytes, start, length), bytes, start, length);
    if (handle === 0) return true;
    removed++;
    keyspace.dirty++;
    const isLast = set.count === 1;
    if (isLast) target.deleteKey(new Record());
    else set.remove(handle);
    return !isLast;
  });
  yield* alone(c, target, steps);
  c.reply.integer(removed);
}

/**
 * Removes the members of ranks start ≤ rank < end, not all there are, from the native sorted set at argument `index`, just opened.
 * Their handles go to `handles`, where it is given, in order: their blocks stay as they are as long as the caller has a pin.
 */
export function removeRanks(
  c: Context,
  index: number,
  start: number,
  end: number,
  handles?: Int32Array,
): Generator<void, void, void> {
  const target = new Target(c, index, c.record);
  return alone(c, target, removing(c, target, start, end - start, handles));
}

function* removing(
  c: Context,
  { arena, root }: Target,
  start: number,
  count: number,
  handles?: Int32Array,
): Generator<void, void, void> {
  const { keyspace } = c.server;
  const set = new SortedSet(arena).bind(arena, root);
  const member = new Element();
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % CHANGED_PER_STEP === 0) yield;
    set.tree.seekWeight(start);
    set.tree.settle();
    const { handle } = set.tree;
    readScored(arena, handle, member);
    const { bytes, start: at, length } = member.text();
    set.removeHere(memberHash(bytes, at, length));
    if (handles !== undefined) handles[i] = handle;
    keyspace.dirty++;
  }
}
