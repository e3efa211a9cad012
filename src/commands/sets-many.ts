/** Many members at once of a large set: SADD, SREM, SPOP with a count change it in slices (alone.ts), and reply when that is done. */
import { readMember } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import { Record } from "../rdb/record.ts";
import { Element } from "../types/elements.ts";
import { addMember } from "../types/set-build.ts";
import { alone, CHANGED_PER_STEP, eachArgument, Target } from "./alone.ts";
import type { Context } from "./context.ts";

const REPLIED_PER_SLICE = 256;

/** Adds the members from argument `from` on to the native set at argument 1, just opened; `added` are there already. */
export function* addMany(c: Context, from: number, added: number): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const { arena, root } = target;
  const table = new MemberTable().bind(arena, root);
  const { keyspace } = c.server;
  let all = added;
  const steps = eachArgument(c, from, 1, ({ bytes, starts, lengths }, i) => {
    if (addMember(table, arena, bytes, starts[i] as number, lengths[i] as number)) {
      all++;
      keyspace.dirty++;
    }
    return true;
  });
  yield* alone(c, target, steps);
  c.reply.integer(all);
}

/** Removes the members from argument 2 on from the native set at argument 1, just opened. */
export function* removeMany(c: Context): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const { arena, root } = target;
  const table = new MemberTable().bind(arena, root);
  const { keyspace } = c.server;
  let removed = 0;
  const steps = eachArgument(c, 2, 1, ({ bytes, starts, lengths }, i) => {
    const start = starts[i] as number;
    const length = lengths[i] as number;
    const handle = table.find(memberHash(bytes, start, length), bytes, start, length);
    if (handle === 0) return true;
    removed++;
    keyspace.dirty++;
    if (table.count === 1) {
      target.deleteKey(new Record());
      return false;
    }
    table.remove();
    arena.free(handle);
    return true;
  });
  yield* alone(c, target, steps);
  c.reply.integer(removed);
}

/** Takes `wanted` members at random, of more, off the native set at argument 1, just opened: they are replied from their blocks. */
export function* popMany(c: Context, wanted: number): Generator<void, void, void> {
  const target = new Target(c, 1, c.record);
  const { arena } = target;
  const { pins } = c.server.keyspace;
  const taken = pins.take();
  try {
    const popped = new Int32Array(wanted);
    yield* alone(c, target, popInto(c, target, popped));
    c.reply.set(wanted);
    const member = new Element();
    for (let i = 0; i < wanted; i++) {
      readMember(arena, popped[i] as number, member);
      c.reply.elements(member);
      if ((i + 1) % REPLIED_PER_SLICE === 0) yield;
    }
  } finally {
    pins.release(taken);
  }
}

function* popInto(c: Context, { arena, root }: Target, popped: Int32Array): Generator<void, void, void> {
  const table = new MemberTable().bind(arena, root);
  const member = new Element();
  for (let i = 0; i < popped.length; i++) {
    if (i > 0 && i % CHANGED_PER_STEP === 0) yield;
    const handle = table.random();
    readMember(arena, handle, member);
    const { bytes, start, length } = member.text();
    table.findHandle(memberHash(bytes, start, length), handle);
    table.remove();
    arena.free(handle);
    popped[i] = handle;
    c.server.keyspace.dirty++;
  }
}
