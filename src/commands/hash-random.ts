/** HRANDFIELD: one field, or many with or without repetition: picked one by one from a native hash, else from walks over it. */
import { ByteStore } from "../types/byte-store.ts";
import { HashReader } from "../types/hash.ts";
import type { Context } from "./context.ts";
import { syntaxError } from "./errors.ts";
import { lookup } from "./lookup.ts";
import { checkPairCount, signedCount } from "./parse.ts";
import { Draw, randomIndex, Selection } from "./sample.ts";
import { type Command, READ_FIRST } from "./table.ts";

export const rows = [
  {
    name: "hrandfield",
    arity: -2,
    flags: ["readonly"],
    categories: ["hash"],
    keys: READ_FIRST,
    tips: ["nondeterministic_output"],
    since: "6.2.0",
    group: "hash",
    complexity: "O(N) in the size of the hash",
    summary: "Gives random fields of a hash.",
    arguments: [
      { name: "key", type: "key", keySpec: 0 },
      {
        name: "options",
        type: "block",
        optional: true,
        arguments: [
          { name: "count", type: "integer" },
          { name: "withvalues", type: "pure-token", token: "WITHVALUES", optional: true },
        ],
      },
    ],
    handler: hrandfield,
  },
] as const satisfies readonly Command[];

const FIELDS_PER_SLICE = 256;
/** Fields drawn with repetition per walk over the hash. */
const DRAWS_PER_WALK = 65_536;

/** When fewer fields are asked for than this share of a native hash, they are picked until they are different: Redis's HRANDFIELD_SUB_STRATEGY_MUL. */
const PICKED_SHARE = 1 / 3;

/** Only for what is answered at once. */
const HASH = new HashReader();

function hrandfield(c: Context): void | Generator<void, void, void> {
  const { args, record, reply } = c;
  if (args.count > 2) return many(c);
  if (!lookup(c, 1, "hash")) {
    reply.nil();
    return;
  }
  HASH.open(record, c.nowMs);
  if (!HASH.isNative || HASH.count === 0 || !HASH.pick()) return oneByWalk(c);
  reply.elements(HASH.field);
}

function* oneByWalk(c: Context): Generator<void, void, void> {
  const { record, reply } = c;
  const hash = new HashReader();
  hash.open(record, c.nowMs);
  if (hash.count === 0) {
    reply.nil();
    return;
  }
  let at = randomIndex(hash.count);
  while (hash.nextField() && at > 0) if (--at % FIELDS_PER_SLICE === 0) yield;
  reply.elements(hash.field);
}

/** The hash at argument 1 in a reader of its own, or null when it is missing. */
function open(c: Context): HashReader | null {
  if (!lookup(c, 1, "hash")) return null;
  const hash = new HashReader();
  hash.open(c.record, c.nowMs);
  return hash;
}

function* many(c: Context): Generator<void, void, void> {
  const { args, reply } = c;
  const asked = signedCount(c, 2);
  const wanted = Number(asked);
  const withValues = args.count === 4 && args.is(3, "WITHVALUES");
  if (args.count > 4 || (args.count === 4 && !withValues)) throw syntaxError();
  if (withValues) checkPairCount(asked);
  const hash = open(c);
  const size = hash === null ? 0 : hash.count;
  const count = size === 0 ? 0 : wanted < 0 ? -wanted : Math.min(wanted, size);
  reply.array(withValues && reply.protocol === 2 ? count * 2 : count);
  if (hash === null || count === 0) return;
  // Where many have expired, a walk finds the others sooner.
  const isDense = hash.isNative && size * 2 > hash.storedCount;
  if (isDense && (wanted < 0 || count < size * PICKED_SHARE)) {
    yield* picked(c, hash, count, withValues, wanted < 0);
  } else if (wanted < 0) yield* withRepetition(c, hash, count, withValues);
  else yield* distinct(c, hash, count, withValues);
}

/** Fields of a native hash, picked one by one; most of them live. */
function* picked(
  c: Context,
  hash: HashReader,
  count: number,
  withValues: boolean,
  mayRepeat: boolean,
): Generator<void, void, void> {
  const { reply } = c;
  const seen = new Set<number>();
  for (let i = 0, tries = 1; i < count; tries++) {
    if (tries % FIELDS_PER_SLICE === 0) yield;
    if (!hash.pick()) continue;
    if (!mayRepeat && seen.size === seen.add(hash.picked).size) continue;
    if (withValues && reply.protocol === 3) reply.array(2);
    reply.elements(hash.field);
    if (withValues) reply.elements(hash.value);
    i++;
  }
}

function* distinct(c: Context, hash: HashReader, count: number, withValues: boolean): Generator<void, void, void> {
  const selection = new Selection(hash.count, count);
  for (let walked = 1; hash.nextField(); walked++) {
    if (selection.take()) {
      if (withValues && c.reply.protocol === 3) c.reply.array(2);
      c.reply.elements(hash.field);
      if (withValues) c.reply.elements(hash.value);
    }
    if (walked % FIELDS_PER_SLICE === 0) yield;
  }
}

function* withRepetition(
  c: Context,
  hash: HashReader,
  count: number,
  withValues: boolean,
): Generator<void, void, void> {
  const { reply } = c;
  for (let left = count; left > 0; left -= DRAWS_PER_WALK) {
    const draw = new Draw(hash.count, Math.min(left, DRAWS_PER_WALK));
    // Element 2i of the store is the field, 2i + 1 the value, of the i-th different position of the walk.
    const store = new ByteStore();
    const stored = new Uint32Array(draw.positions.length);
    hash.rewind();
    let walked = -1;
    for (const drawn of draw.walk) {
      const position = draw.positions[drawn] as number;
      if (walked < position) {
        for (; walked < position && hash.nextField(); walked++) if (walked % FIELDS_PER_SLICE === 0) yield;
        keep(store, hash, withValues);
      }
      stored[drawn] = store.count - 2;
    }
    for (let i = 0; i < stored.length; i++) {
      const at = stored[i] as number;
      if (withValues && reply.protocol === 3) reply.array(2);
      reply.bulk(store.bytes, store.start(at), store.length(at), true);
      if (withValues) reply.bulk(store.bytes, store.start(at + 1), store.length(at + 1), true);
      if (i % FIELDS_PER_SLICE === FIELDS_PER_SLICE - 1) yield;
    }
  }
}

function keep(store: ByteStore, hash: HashReader, withValues: boolean): void {
  const field = hash.field.text();
  store.add(field.bytes, field.start, field.length);
  if (!withValues) {
    store.add(field.bytes, field.start, 0);
    return;
  }
  const value = hash.value.text();
  store.add(value.bytes, value.start, value.length);
}
