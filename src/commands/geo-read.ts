/** Positions of members: GEOHASH GEOPOS GEODIST. */
import type { Reply } from "../net/reply.ts";
import { decode, distance, geohashText, Position } from "../types/geohash.ts";
import { humanDecimal } from "../util/decimal-places.ts";
import { binaryBytes } from "../util/span.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import type { KeptZset } from "./zsets-cache.ts";
import { find, isSlowToFind } from "./zsets-read.ts";
import { openZset, sliced } from "./zsets-support.ts";

/** Members asked for that are answered at once. */
const MEMBERS_AT_ONCE_MAX = 512;

function takesLong(c: Context, zset: KeptZset): boolean {
  return isSlowToFind(zset) || c.args.count > MEMBERS_AT_ONCE_MAX;
}

export const geohash: Handler = (c) => {
  const zset = openZset(c);
  c.reply.array(c.args.count - 2);
  if (zset !== null) return sliced(zset, writeHashes(c, zset), takesLong(c, zset));
  for (let i = 2; i < c.args.count; i++) c.reply.nil();
};

function* writeHashes(c: Context, zset: KeptZset): Generator<void, void, void> {
  const at = new Position();
  for (let i = 2; i < c.args.count; i++) {
    if (yield* position(c, i, zset, at)) c.reply.bulkText(geohashText(at));
    else c.reply.nil();
    if (i % MEMBERS_AT_ONCE_MAX === 0) yield;
  }
}

export const geopos: Handler = (c) => {
  const zset = openZset(c);
  c.reply.array(c.args.count - 2);
  if (zset !== null) return sliced(zset, writePositions(c, zset), takesLong(c, zset));
  for (let i = 2; i < c.args.count; i++) c.reply.nilArray();
};

function* writePositions(c: Context, zset: KeptZset): Generator<void, void, void> {
  const at = new Position();
  for (let i = 2; i < c.args.count; i++) {
    if (yield* position(c, i, zset, at)) writePosition(c.reply, at);
    else c.reply.nilArray();
    if (i % MEMBERS_AT_ONCE_MAX === 0) yield;
  }
}

export const geodist: Handler = (c) => {
  const { args, reply } = c;
  if (args.count > 5) throw syntaxError();
  const unit = args.count === 5 ? metresPerUnit(c, 4) : 1;
  const zset = openZset(c);
  if (zset === null) return reply.nil();
  return sliced(zset, writeDistance(c, zset, unit), isSlowToFind(zset));
};

function* writeDistance(c: Context, zset: KeptZset, unit: number): Generator<void, void, void> {
  const from = new Position();
  const to = new Position();
  if ((yield* position(c, 2, zset, from)) && (yield* position(c, 3, zset, to))) {
    const metres = distance(from.longitude, from.latitude, to.longitude, to.latitude);
    c.reply.bulkText(distanceText(metres / unit));
  } else c.reply.nil();
}

/** Decodes the position of the member at argument `index`; false when it is no member. */
export function* position(c: Context, index: number, zset: KeptZset, into: Position): Generator<void, boolean, void> {
  const { args } = c;
  const found = isSlowToFind(zset)
    ? yield* find(c, index, zset)
    : zset.find(args.bytes, args.starts[index] as number, args.lengths[index] as number);
  if (found) decode(zset.score, into);
  return found;
}

/** Longitude and latitude: an array of two texts without exponent, of doubles in RESP3. */
export function writePosition(reply: Reply, at: Position): void {
  reply.array(2);
  writeCoordinate(reply, at.longitude);
  writeCoordinate(reply, at.latitude);
}

function writeCoordinate(reply: Reply, degrees: number): void {
  const text = humanDecimal(degrees);
  if (reply.protocol === 2) {
    reply.bulkText(text);
    return;
  }
  // A RESP3 double in the long form of coordinates, not the shortest one that reply.double() writes.
  const line = binaryBytes(`,${text}\r\n`);
  reply.ensure(line.length);
  reply.buffer.set(line, reply.length);
  reply.length += line.length;
}

/** Metres in the unit that argument `index` names. */
export function metresPerUnit(c: Context, index: number): number {
  const { args } = c;
  if (args.is(index, "M")) return 1;
  if (args.is(index, "KM")) return 1000;
  if (args.is(index, "FT")) return 0.3048;
  if (args.is(index, "MI")) return 1609.34;
  throw new ReplyError("ERR unsupported unit provided. please use M, KM, FT, MI");
}

/** A distance with four decimals, rounded as Redis 7.2 does: scaled first, then to the nearest, halves to the even. */
export function distanceText(distance: number): string {
  const scaled = distance * 10000;
  const down = Math.floor(scaled);
  const over = scaled - down;
  const rounded = over > 0.5 || (over === 0.5 && down % 2 === 1) ? down + 1 : down;
  const digits = String(rounded).padStart(5, "0");
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
