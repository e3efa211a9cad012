/** Sets: membership and members where they lie. Set algebra has a file of its own. */
import { ByteStore } from "../types/byte-store.ts";
import { ByteTable } from "../types/byte-table.ts";
import { SetReader } from "../types/set.ts";
import type { Context } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { NotReady } from "./not-ready.ts";
import { signedCount } from "./parse.ts";
import { Draw, randomIndex, Selection } from "./sample.ts";
import { type Command, PEEK_FIRST, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "smembers",
    arity: 2,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output_order"],
    since: "1.0.0",
    group: "set",
    complexity: "O(N) in the size of the set",
    summary: "Gives all members of a set.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: smembers,
  },
  {
    name: "scard",
    arity: 2,
    flags: ["readonly", "fast"],
    categories: ["set"],
    keys: PEEK_FIRST,
    since: "1.0.0",
    group: "set",
    complexity: "O(1)",
    summary: "Counts the members of a set.",
    arguments: [{ name: "key", type: "key", keySpec: 0 }],
    handler: scard,
  },
  {
    name: "sismember",
    arity: 3,
    flags: ["readonly", "fast"],
    categories: ["set"],
    keys: PEEK_FIRST,
    since: "1.0.0",
    group: "set",
    complexity: "O(1)",
    summary: "Tells whether a set has a member.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "member", type: "string" },
    ],
    handler: sismember,
  },
  {
    name: "smismember",
    arity: -3,
    flags: ["readonly", "fast"],
    categories: ["set"],
    keys: READ_FIRST,
    since: "6.2.0",
    group: "set",
    complexity: "O(N) in the number of members asked for",
    summary: "Tells for each of several members whether a set has it.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "member", type: "string", multiple: true },
    ],
    handler: smismember,
  },
  {
    name: "srandmember",
    arity: -2,
    flags: ["readonly"],
    categories: ["set"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "1.0.0",
    group: "set",
    complexity: "O(N) in the size of the set",
    summary: "Gives random members of a set.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      { name: "count", type: "integer", since: "2.6.0", optional: true },
    ],
    handler: srandmember,
  },
] as const satisfies readonly Command[];

/** Sets up to this size are answered in one go. */
const MEMBERS_AT_ONCE_MAX = 512;
const MEMBERS_PER_SLICE = 256;
/** When members asked for × members there are more than this, one walk with a table replaces a search per member. */
const COMPARISONS_MAX = 20_000;
/** When the set has so many times as many, members are picked, and picked again where one comes twice. */
const PICKED_FACTOR = 3;
/** Members drawn with repetition per walk over the set. */
const DRAWS_PER_WALK = 65_536;

/** Only for handlers that run to their end at once. */
const SET = new SetReader();

function openSet(c: Context): boolean {
  if (!lookup(c, 1, "set")) return false;
  SET.open(c.record);
  return true;
}

/** Throws NotReady where it takes long: only for quick handlers, before they reply. */
function hasMember(c: Context, index: number): boolean {
  const { bytes, starts, lengths } = c.args;
  const start = starts[index] as number;
  const length = lengths[index] as number;
  if (SET.isSlowToFind(bytes, start, length))
    throw new NotReady(findInSlices(c, Uint8Array.from(bytes.subarray(start, start + length))));
  return SET.has(bytes, start, length);
}

function* findInSlices(c: Context, member: Uint8Array): Generator<void, void, void> {
  const set = new SetReader();
  set.open(c.record);
  yield* set.findInSlices(member);
}

function scard(c: Context): void {
  c.reply.integer(openSet(c) ? SET.count : 0);
}

function sismember(c: Context): void {
  c.reply.integer(openSet(c) && hasMember(c, 2) ? 1 : 0);
}

function smismember(c: Context): void | Generator<void, void, void> {
  const { args, reply } = c;
  const wanted = args.count - 2;
  const found = openSet(c);
  if (found && !SET.isKeyed && wanted * SET.count > COMPARISONS_MAX && SET.encoding === "hashtable") {
    return smismemberByWalk(c);
  }
  reply.array(wanted);
  for (let i = 2; i < args.count; i++) reply.integer(found && hasMember(c, i) ? 1 : 0);
}

/** Many members of a large set: one walk that marks those asked for. */
function* smismemberByWalk(c: Context): Generator<void, void, void> {
  const { reply } = c;
  const wanted = new ByteTable();
  const indexes = new Uint32Array(c.args.count - 2);
  for (let i = 0; i < indexes.length; i++) {
    indexes[i] = wanted.add(c.args.bytes, c.args.starts[i + 2] as number, c.args.lengths[i + 2] as number);
  }
  const set = new SetReader();
  set.open(c.record);
  for (let walked = 1; set.next(); walked++) {
    const member = set.text();
    const index = wanted.indexOf(member.bytes, member.start, member.length);
    if (index >= 0) wanted.marks[index] = 1;
    if (walked % MEMBERS_PER_SLICE === 0) yield;
  }
  reply.array(indexes.length);
  for (const index of indexes) reply.integer(wanted.marks[index] as number);
}

function smembers(c: Context): void | Generator<void, void, void> {
  const count = openSet(c) ? SET.count : 0;
  c.reply.set(count);
  if (count > MEMBERS_AT_ONCE_MAX) return replyMembers(c);
  for (let i = 0; i < count && SET.next(); i++) c.reply.elements(SET);
}

function* replyMembers(c: Context): Generator<void, void, void> {
  const set = new SetReader();
  set.open(c.record);
  for (let i = 1; set.next(); i++) {
    c.reply.elements(set);
    if (i % MEMBERS_PER_SLICE === 0) yield;
  }
}

function srandmember(c: Context): void | Generator<void, void, void> {
  const { args, reply } = c;
  if (args.count > 3) throw syntaxError();
  if (args.count === 3) return srandmemberCount(c);
  if (!openSet(c)) reply.nil();
  else if (!SET.isKeyed) return replyOne(c);
  else {
    SET.pick();
    reply.elements(SET);
  }
}

function* srandmemberCount(c: Context): Generator<void, void, void> {
  const { reply } = c;
  const wanted = Number(signedCount(c, 2));
  const found = lookup(c, 1, "set");
  const set = new SetReader();
  if (found) set.open(c.record);
  const count = !found ? 0 : wanted < 0 ? -wanted : Math.min(wanted, set.count);
  reply.array(count);
  if (count === 0) return;
  if (wanted < 0) yield* set.isNative ? replyPicks(c, set, count) : replyDraws(c, set, count);
  else if (set.isNative && count * PICKED_FACTOR <= set.count) yield* replyDistinct(c, set, count);
  else yield* replySelection(c, set, count);
}

function* replyOne(c: Context): Generator<void, void, void> {
  const set = new SetReader();
  set.open(c.record);
  let left = randomIndex(set.count);
  while (set.next() && left > 0) if (--left % MEMBERS_PER_SLICE === 0) yield;
  c.reply.elements(set);
}

/** `count` members, each picked from all. */
function* replyPicks(c: Context, set: SetReader, count: number): Generator<void, void, void> {
  for (let i = 1; i <= count; i++) {
    set.pick();
    c.reply.elements(set);
    if (i % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** `count` different members, a small part of all. */
function* replyDistinct(c: Context, set: SetReader, count: number): Generator<void, void, void> {
  const picked = new ByteTable(count);
  for (let tries = 1; picked.count < count; tries++) {
    set.pick();
    const before = picked.count;
    const { bytes, start, length } = set.text();
    picked.add(bytes, start, length);
    if (picked.count > before) c.reply.elements(set);
    if (tries % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** `count` different members. */
function* replySelection(c: Context, set: SetReader, count: number): Generator<void, void, void> {
  const selection = new Selection(set.count, count);
  for (let walked = 1; set.next(); walked++) {
    if (selection.take()) c.reply.elements(set);
    if (walked % MEMBERS_PER_SLICE === 0) yield;
  }
}

/** `count` members in random order, repeated as chance has it. */
function* replyDraws(c: Context, set: SetReader, count: number): Generator<void, void, void> {
  for (let left = count; left > 0; left -= DRAWS_PER_WALK) {
    const draw = new Draw(set.count, Math.min(left, DRAWS_PER_WALK));
    const store = new ByteStore();
    const stored = new Uint32Array(draw.positions.length);
    set.rewind();
    let walked = -1;
    for (const drawn of draw.walk) {
      const position = draw.positions[drawn] as number;
      if (walked < position) {
        for (; walked < position && set.next(); walked++) if (walked % MEMBERS_PER_SLICE === 0) yield;
        const member = set.text();
        store.add(member.bytes, member.start, member.length);
      }
      stored[drawn] = store.count - 1;
    }
    for (let i = 0; i < stored.length; i++) {
      const at = stored[i] as number;
      c.reply.bulk(store.bytes, store.start(at), store.length(at), true);
      if (i % MEMBERS_PER_SLICE === MEMBERS_PER_SLICE - 1) yield;
    }
  }
}
