/**
 * RESTORE: a key of what DUMP gave, here or elsewhere. The payload is checked to its last byte first (types/deep-check.ts); the
 * key is as it was until all is known to be sound.
 */
import { isSealed, openPayload } from "../rdb/payload.ts";
import { Record } from "../rdb/record.ts";
import { checkDeeply } from "../types/deep-check.ts";
import { FormatError } from "../util/format-error.ts";
import { type Carried, discard, put, unpack } from "./carry.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { EXPIRY_MS_MAX } from "./expiring.ts";
import { peek } from "./lookup.ts";
import { integer, integer64 } from "./parse.ts";

const BUSY = "BUSYKEY Target key name already exists.";
const UNSEALED = "ERR DUMP payload version or checksum are wrong";
const BAD = "ERR Bad data format";
/** Checked at once, where it arrived. What is longer is copied and checked in slices: the request's bytes may move between them. */
const AT_ONCE_BYTES_MAX = 16 * 1024;

interface RestoreOptions {
  replace: boolean;
  absoluteTtl: boolean;
  /** Seconds; -1: not said. */
  idle: number;
  /** -1: not said. */
  frequency: number;
}

export function* restore(c: Context): Generator<void, void, void> {
  const options = parseOptions(c);
  checkBusy(c, options);
  const ttl = integer64(c, 2);
  if (ttl < 0n) throw new ReplyError("ERR Invalid TTL value, must be >= 0");
  const { args, server } = c;
  const checksum = !server.debug.skipsChecksums;
  let bytes = args.bytes;
  let start = args.starts[3] as number;
  const length = args.lengths[3] as number;
  const payload = new Record();
  let carried: Carried;
  if (length <= AT_ONCE_BYTES_MAX) {
    const steps = checked(bytes, start, length, checksum, payload);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    carried = { valueLength: step.value, type: payload.type, root: 0, arena: null };
  } else {
    bytes = new Uint8Array(bytes.subarray(start, start + length));
    start = 0;
    const valueLength = yield* checked(bytes, 0, length, checksum, payload);
    carried = yield* unpack(payload, valueLength, () => c.db, c.nowMs);
    if (!options.replace && peek(c, 1)) {
      discard(carried);
      throw new ReplyError(BUSY);
    }
  }
  commit(c, options, expiry(c, ttl, options), payload, carried);
}

/** Bytes of the value, which is sound. Throws ReplyError. */
function* checked(
  bytes: Uint8Array,
  start: number,
  length: number,
  checksum: boolean,
  payload: Record,
): Generator<void, number, void> {
  if (!(yield* isSealed(bytes, start, length, checksum))) throw new ReplyError(UNSEALED);
  if (!openPayload(bytes, start, length, payload)) throw new ReplyError(BAD);
  try {
    yield* checkDeeply(payload);
  } catch (error) {
    if (error instanceof FormatError) throw new ReplyError(BAD);
    throw error;
  }
  return payload.cursor.offset - payload.valueOffset;
}

function checkBusy(c: Context, { replace }: RestoreOptions): void {
  if (!replace && peek(c, 1)) throw new ReplyError(BUSY);
}

/** Milliseconds since 1970, -1 for none. As in C, a sum beyond 64 bits is long past. */
function expiry({ nowMs }: Context, ttl: bigint, { absoluteTtl }: RestoreOptions): number {
  if (ttl === 0n) return -1;
  const at = absoluteTtl ? ttl : BigInt.asIntN(64, ttl + BigInt(nowMs));
  return at < 0n ? 0 : Math.min(Number(at), EXPIRY_MS_MAX);
}

function commit(c: Context, options: RestoreOptions, expireAtMs: number, payload: Record, carried: Carried): void {
  const { args, db, nowMs, server } = c;
  const start = args.starts[1] as number;
  const length = args.lengths[1] as number;
  if (expireAtMs !== -1 && expireAtMs <= nowMs) {
    discard(carried);
    if (options.replace && db.remove(args.bytes, start, length, nowMs)) server.keyspace.dirty++;
    c.reply.ok();
    return;
  }
  // An expired key of that name is gone first: it counts as expired, not as overwritten.
  peek(c, 1);
  put(carried, db, args.bytes, start, length, payload, expireAtMs);
  // Also where neither is given: what was overwritten is gone with its uses.
  db.setAccess(args.bytes, start, length, options.idle, options.frequency);
  server.keyspace.dirty++;
  c.reply.ok();
}

function parseOptions(c: Context): RestoreOptions {
  const { args } = c;
  const options: RestoreOptions = { replace: false, absoluteTtl: false, idle: -1, frequency: -1 };
  for (let i = 4; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.is(i, "REPLACE")) options.replace = true;
    else if (args.is(i, "ABSTTL")) options.absoluteTtl = true;
    else if (args.is(i, "IDLETIME") && hasMore && options.frequency === -1) {
      options.idle = integer(c, ++i);
      if (options.idle < 0) throw new ReplyError("ERR Invalid IDLETIME value, must be >= 0");
    } else if (args.is(i, "FREQ") && hasMore && options.idle === -1) {
      options.frequency = integer(c, ++i);
      if (options.frequency < 0 || options.frequency > 255) {
        throw new ReplyError("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
    } else throw syntaxError();
  }
  return options;
}
