/**
 * Searches around a position: GEOSEARCH[STORE], GEORADIUS[_RO], GEORADIUSBYMEMBER[_RO].
 * The shape is covered by up to nine ranges of scores; every member in them is measured.
 */
import { coveringBoxes, decode, distanceWithin, Position, type Shape } from "../types/geohash.ts";
import { MemberTable } from "../types/member-table.ts";
import { MergeSort } from "../types/merge-sort.ts";
import { ScoreRange } from "../types/range.ts";
import type { Ranked } from "../types/ranked.ts";
import { TableRows } from "../types/scored-pairs.ts";
import { fixedDecimal } from "../util/decimal-places.ts";
import type { Context, Handler } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { distanceText, metresPerUnit, position, writePosition } from "./geo-read.ts";
import { float, integer } from "./parse.ts";
import type { KeptZset } from "./zsets-cache.ts";
import { RANKS, setByScore } from "./zsets-ranks.ts";
import { removeKey, storePairs } from "./zsets-store.ts";
import { isSlow, loadRanked, openZset, SLICE_MEMBERS, SLICED_MEMBERS_MIN, sliced } from "./zsets-support.ts";

type Area =
  | { readonly kind: "circle"; readonly radius: number; readonly unit: number }
  | { readonly kind: "box"; readonly width: number; readonly height: number; readonly unit: number };

/** Where the search is centred: a position, or the member at an argument. */
type Centre = { readonly longitude: number; readonly latitude: number } | { readonly member: number };

interface Options {
  centre: Centre | null;
  area: Area | null;
  withDistance: boolean;
  withHash: boolean;
  withPosition: boolean;
  order: "none" | "near" | "far";
  any: boolean;
  /** 0: all. */
  count: number;
  /** The argument that names the key to store what is found under; 0: none. */
  store: number;
  /** What is stored is the distances. */
  storesDistance: boolean;
}

/** GEOSEARCH names centre and area by options; the older commands have fixed places for them, and may store. */
type Variant = "search" | "search-store" | "radius" | "radius-read-only";

export const geosearch: Handler = (c) => search(c, "search", 2, newOptions());
export const geosearchstore: Handler = (c) => search(c, "search-store", 3, newOptions());
export const georadius: Handler = (c) => searchAt(c, "radius");
export const georadiusRo: Handler = (c) => searchAt(c, "radius-read-only");
export const georadiusbymember: Handler = (c) => searchByMember(c, "radius");
export const georadiusbymemberRo: Handler = (c) => searchByMember(c, "radius-read-only");

function newOptions(): Options {
  const flags = { withDistance: false, withHash: false, withPosition: false, any: false };
  return { centre: null, area: null, ...flags, order: "none", count: 0, store: 0, storesDistance: false };
}

function searchAt(c: Context, variant: Variant): ReturnType<Handler> {
  return search(c, variant, 6, newOptions(), (options) => {
    options.centre = parsePosition(c, 2);
    options.area = parseCircle(c, 4);
  });
}

function searchByMember(c: Context, variant: Variant): ReturnType<Handler> {
  return search(c, variant, 5, newOptions(), (options, zset) => {
    options.centre = { member: 2 };
    if (zset === null) return;
    requireMember(c, zset, 2);
    options.area = parseCircle(c, 3);
  });
}

/**
 * `first`: the first optional argument. `parseFixed` reads what stands before it. The key is looked up first, because
 * Redis checks its type before it looks at anything else.
 */
function search(
  c: Context,
  variant: Variant,
  first: number,
  options: Options,
  parseFixed?: (options: Options, zset: KeptZset | null) => void,
): ReturnType<Handler> {
  const zset = openZset(c, variant === "search-store" ? 2 : 1);
  if (variant === "search-store") options.store = 1;
  parseFixed?.(options, zset);
  parseOptions(c, first, variant, options, zset);
  const stores = options.store > 0;
  if (stores && (options.withDistance || options.withHash || options.withPosition)) {
    const name = variant === "search-store" ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
    throw new ReplyError(`ERR ${name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
  }
  if (variant === "search" || variant === "search-store") requireBoth(c, options);
  if (options.any && options.count === 0) throw new ReplyError("ERR the ANY argument requires COUNT argument");
  if (zset === null) {
    if (!stores) return c.reply.array(0);
    if (removeKey(c, options.store)) c.server.keyspace.dirty++;
    return c.reply.integer(0);
  }
  if (options.count > 0 && options.order === "none" && !options.any) options.order = "near";
  return sliced(zset, run(c, zset, options), isSlow(zset) || zset.count > SLICED_MEMBERS_MIN);
}

function requireBoth(c: Context, { centre, area }: Options): void {
  const name = c.args.text(0);
  if (centre === null) {
    throw new ReplyError(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`);
  }
  if (area === null) throw new ReplyError(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`);
}

function parseOptions(c: Context, first: number, variant: Variant, options: Options, zset: KeptZset | null): void {
  const { args } = c;
  for (let i = first; i < args.count; i++) {
    const left = args.count - i - 1;
    if (args.is(i, "WITHDIST")) options.withDistance = true;
    else if (args.is(i, "WITHHASH")) options.withHash = true;
    else if (args.is(i, "WITHCOORD")) options.withPosition = true;
    else if (args.is(i, "ANY")) options.any = true;
    else if (args.is(i, "ASC")) options.order = "near";
    else if (args.is(i, "DESC")) options.order = "far";
    else if (args.is(i, "COUNT") && left >= 1) options.count = parseCount(c, ++i);
    else if (variant === "radius" && left >= 1 && (args.is(i, "STORE") || args.is(i, "STOREDIST"))) {
      options.storesDistance = args.is(i, "STOREDIST");
      options.store = ++i;
    } else if (variant === "search-store" && args.is(i, "STOREDIST")) options.storesDistance = true;
    else if (variant === "search" || variant === "search-store") i += parseSearchOption(c, i, left, options, zset);
    else throw syntaxError();
  }
}

/** One of GEOSEARCH's own options at argument `i`; returns the number of arguments it takes after its name. */
function parseSearchOption(c: Context, i: number, left: number, options: Options, zset: KeptZset | null): number {
  const { args } = c;
  const { centre, area } = options;
  if (args.is(i, "FROMMEMBER") && left >= 1 && (centre === null || "member" in centre)) {
    if (zset !== null) requireMember(c, zset, i + 1);
    options.centre = { member: i + 1 };
    return 1;
  }
  if (args.is(i, "FROMLONLAT") && left >= 2 && (centre === null || "longitude" in centre)) {
    options.centre = parsePosition(c, i + 1);
    return 2;
  }
  if (args.is(i, "BYRADIUS") && left >= 2 && area?.kind !== "box") {
    options.area = parseCircle(c, i + 1);
    return 2;
  }
  if (args.is(i, "BYBOX") && left >= 3 && area?.kind !== "circle") {
    options.area = parseBox(c, i + 1);
    return 3;
  }
  throw syntaxError();
}

function parseCount(c: Context, index: number): number {
  const count = integer(c, index);
  if (count <= 0) throw new ReplyError("ERR COUNT must be > 0");
  return count;
}

export function parsePosition(c: Context, index: number): { readonly longitude: number; readonly latitude: number } {
  const longitude = float(c, index);
  const latitude = float(c, index + 1);
  if (Math.abs(longitude) > 180 || Math.abs(latitude) > 85.05112878) {
    const pair = `${fixedDecimal(longitude, 6)},${fixedDecimal(latitude, 6)}`;
    throw new ReplyError(`ERR invalid longitude,latitude pair ${pair}`);
  }
  return { longitude, latitude };
}

function parseCircle(c: Context, index: number): Area {
  const radius = float(c, index, "ERR need numeric radius");
  if (radius < 0) throw new ReplyError("ERR radius cannot be negative");
  return { kind: "circle", radius, unit: metresPerUnit(c, index + 1) };
}

function parseBox(c: Context, index: number): Area {
  const width = float(c, index, "ERR need numeric width");
  const height = float(c, index + 1, "ERR need numeric height");
  if (height < 0 || width < 0) throw new ReplyError("ERR height or width cannot be negative");
  return { kind: "box", width, height, unit: metresPerUnit(c, index + 2) };
}

/** Redis looks for the member while it parses: a missing one is the first error told. */
function requireMember(c: Context, zset: KeptZset, index: number): void {
  const { args } = c;
  if (zset.find(args.bytes, args.starts[index] as number, args.lengths[index] as number)) return;
  throw new ReplyError("ERR could not decode requested zset member");
}

function* run(c: Context, zset: KeptZset, options: Options): Generator<void, void, void> {
  const { centre, area } = options;
  if (centre === null || area === null) throw syntaxError();
  const from = new Position();
  if ("member" in centre) yield* position(c, centre.member, zset, from);
  else Object.assign(from, centre);
  const members = yield* loadRanked(zset);
  const found = yield* measure(members, shapeAt(from, area), options.any ? options.count : 0);
  if (options.store > 0) yield* storeFound(c, members, found, options, area.unit);
  else yield* writeFound(c, members, found, options, area.unit);
}

function shapeAt({ longitude, latitude }: Position, area: Area): Shape {
  if (area.kind === "circle") return { kind: "circle", longitude, latitude, radius: area.radius * area.unit };
  return { kind: "box", longitude, latitude, width: area.width * area.unit, height: area.height * area.unit };
}

/** What lies in the shape: ranks, and metres from its centre. Columns of equal length. */
interface Found {
  readonly ranks: number[];
  readonly metres: number[];
}

/** `enough`: stop at this many; 0: find all. */
function* measure(members: Ranked, shape: Shape, enough: number): Generator<void, Found, void> {
  const found: Found = { ranks: [], metres: [] };
  const at = new Position();
  let walked = 0;
  for (const box of coveringBoxes(shape)) {
    setByScore(members, ScoreRange.between(box.min, box.max));
    const { start, end } = RANKS;
    if (start < end) members.goTo(start);
    for (let rank = start; rank < end; rank++) {
      if (enough > 0 && found.ranks.length >= enough) return found;
      if (rank > start) members.next();
      decode(members.score, at);
      const metres = distanceWithin(shape, at);
      if (metres >= 0) {
        found.ranks.push(rank);
        found.metres.push(metres);
      }
      if (++walked % SLICE_MEMBERS === 0) yield;
    }
  }
  return found;
}

/** The numbers of the finds in the order asked for; equally far ones as they were found. */
function* ordered(metres: readonly number[], order: Options["order"]): Generator<void, Float64Array, void> {
  const picks = Float64Array.from(metres.keys());
  if (order === "none") return picks;
  const keys = Float64Array.from(metres, (metre) => (order === "near" ? metre : -metre));
  const sort = new MergeSort(keys, picks, (a, b) => a <= b);
  while (!sort.step(SLICE_MEMBERS)) yield;
  return picks;
}

function* writeFound(
  c: Context,
  members: Ranked,
  { ranks, metres }: Found,
  { order, count, withDistance, withHash, withPosition }: Options,
  unit: number,
): Generator<void, void, void> {
  const { reply } = c;
  const picks = yield* ordered(metres, order);
  const returned = count > 0 ? Math.min(count, picks.length) : picks.length;
  const extras = Number(withDistance) + Number(withHash) + Number(withPosition);
  const at = new Position();
  reply.array(returned);
  for (let i = 0; i < returned; i++) {
    const pick = picks[i] as number;
    const rank = ranks[pick] as number;
    if (extras > 0) reply.array(extras + 1);
    members.goTo(rank);
    reply.elements(members.member);
    if (withDistance) reply.bulkText(distanceText((metres[pick] as number) / unit));
    if (withHash) reply.integer(scoreInteger(members.score));
    if (withPosition) {
      decode(members.score, at);
      writePosition(reply, at);
    }
    if ((i + 1) % SLICE_MEMBERS === 0) yield;
  }
}

/** Stores what was found by its place on earth, or by its distance in the unit asked for. */
function* storeFound(
  c: Context,
  members: Ranked,
  { ranks, metres }: Found,
  { order, count, store, storesDistance }: Options,
  unit: number,
): Generator<void, void, void> {
  const table = new MemberTable();
  const picks = yield* ordered(metres, order);
  const kept = count > 0 ? Math.min(count, picks.length) : picks.length;
  for (let i = 0; i < kept; i++) {
    const pick = picks[i] as number;
    members.goTo(ranks[pick] as number);
    const { bytes, start, length } = members.member.text();
    if (table.find(bytes, start, length) < 0) {
      table.add(bytes, start, length, storesDistance ? (metres[pick] as number) / unit : members.score);
    }
    if ((i + 1) % SLICE_MEMBERS === 0) yield;
  }
  const rows = yield* table.order(SLICE_MEMBERS);
  yield* storePairs(c, store, new TableRows(table, rows), Math.max(1, kept));
}

/** A score as the signed 64-bit integer that it converts to (it is a geo set's: always in range; others wrap as on x86-64). */
function scoreInteger(score: number): number | bigint {
  if (Number.isSafeInteger(score)) return score + 0;
  if (!(Math.abs(score) < 2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(score));
}
