/**
 * Positions on earth as the 52-bit scores of a geo set, and back.
 *
 * Longitude (−180 … 180) and latitude (−85.05112878 … 85.05112878) are cut into 2^26 steps each; the two step numbers
 * are interleaved, latitude in the even bits, longitude in the odd ones:
 *
 *   bit   51 50 49 48 …  3  2  1  0          a prefix of 2 × step bits names a box of the map;
 *         ln lt ln lt … ln lt ln lt          all positions in it have scores in one range
 *
 * Hot here is decoding a score and measuring a distance (once per candidate of a search): numbers only.
 * Boxes are made nine at a time per search: bigint.
 *
 * Source: the geo commands of Redis (which took the scheme from ardb); distances are haversine on its earth radius.
 */

/** Bits per coordinate of a score. */
export const STEP_MAX = 26;
export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
const LATITUDE_SPAN = LATITUDE_MAX - -LATITUDE_MAX;
const LONGITUDE_SPAN = 360;
const EARTH_RADIUS_METERS = 6372797.560856;
const RADIANS = Math.PI / 180;
const STEPS = 2 ** STEP_MAX;
const SCORE_MAX = 2 ** 52;
const HALF_BITS = 2 ** 26;

const LATITUDE_BITS = 0x5555555555555555n;
const LONGITUDE_BITS = 0xaaaaaaaaaaaaaaaan;

/** Degrees; set by `decode`. */
export class Position {
  longitude = 0;
  latitude = 0;
}

/** The middle of the cell that `score` names. Any double is accepted: what is no geo score decodes as Redis decodes it. */
export function decode(score: number, into: Position): void {
  if (score >= 0 && score < SCORE_MAX) {
    const high = Math.floor(score / HALF_BITS);
    const low = Math.floor(score) - high * HALF_BITS;
    const latitude = squeeze(high) * 8192 + squeeze(low);
    const longitude = squeeze(high >>> 1) * 8192 + squeeze(low >>> 1);
    setMiddle(latitude, latitude + 1, longitude, longitude + 1, into);
    return;
  }
  const bits = toUint64(score);
  const latitude = squeezeBig(bits);
  const longitude = squeezeBig(bits >> 1n);
  setMiddle(latitude, (latitude + 1) >>> 0, longitude, (longitude + 1) >>> 0, into);
}

/** The score of a position whose coordinates are within bounds. */
export function encode(longitude: number, latitude: number): number {
  const y = Math.floor(((latitude + LATITUDE_MAX) / LATITUDE_SPAN) * STEPS);
  const x = Math.floor(((longitude + LONGITUDE_MAX) / LONGITUDE_SPAN) * STEPS);
  const low = interleave(x & 8191, y & 8191);
  return interleave(x >>> 13, y >>> 13) * HALF_BITS + low;
}

/** The bits of two numbers of at most 14 bits, those of `odd` above those of `even`. */
function interleave(odd: number, even: number): number {
  return stretch(odd) * 2 + stretch(even);
}

/** squeeze undone. */
function stretch(bits: number): number {
  let x = bits;
  x = (x | (x << 8)) & 0xff00ff;
  x = (x | (x << 4)) & 0xf0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/** The middle of two step numbers in each direction, in degrees. The order of operations is Redis's: the last bit counts. */
function setMiddle(latitude: number, latitudeNext: number, longitude: number, longitudeNext: number, into: Position) {
  const south = -LATITUDE_MAX + (latitude / STEPS) * LATITUDE_SPAN;
  const north = -LATITUDE_MAX + (latitudeNext / STEPS) * LATITUDE_SPAN;
  const west = -LONGITUDE_MAX + (longitude / STEPS) * LONGITUDE_SPAN;
  const east = -LONGITUDE_MAX + (longitudeNext / STEPS) * LONGITUDE_SPAN;
  into.longitude = Math.min(LONGITUDE_MAX, Math.max(-LONGITUDE_MAX, (west + east) / 2));
  into.latitude = Math.min(LATITUDE_MAX, Math.max(-LATITUDE_MAX, (south + north) / 2));
}

/** The 13 even bits of a 26-bit number, side by side. */
function squeeze(bits: number): number {
  let x = bits & 0x1555555;
  x = (x | (x >>> 1)) & 0x3333333;
  x = (x | (x >>> 2)) & 0xf0f0f0f;
  x = (x | (x >>> 4)) & 0xff00ff;
  return (x | (x >>> 8)) & 0xffff;
}

/** The 32 even bits of a 64-bit number, side by side. */
function squeezeBig(bits: bigint): number {
  let value = 0;
  for (let i = 31; i >= 0; i--) value = value * 2 + Number((bits >> BigInt(2 * i)) & 1n);
  return value;
}

/** The even bits set from a number of at most 32 bits: squeezeBig undone. */
function spread(value: number): bigint {
  let bits = 0n;
  for (let i = 0; i < 32; i++) if (Math.floor(value / 2 ** i) % 2 === 1) bits |= 1n << BigInt(2 * i);
  return bits;
}

/** A double as the 64 bits that the conversion to an unsigned integer gives on x86-64. */
function toUint64(value: number): bigint {
  if (Number.isNaN(value) || value < -(2 ** 63)) return 1n << 63n;
  if (value >= 2 ** 64) return 0n;
  return BigInt.asUintN(64, BigInt(Math.trunc(value)));
}

/** Great-circle distance in metres between two positions in degrees. */
export function distance(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const v = Math.sin((longitude2 * RADIANS - longitude1 * RADIANS) / 2);
  if (v === 0) return latitudeDistance(latitude1, latitude2);
  const from = latitude1 * RADIANS;
  const to = latitude2 * RADIANS;
  const u = Math.sin((to - from) / 2);
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(u * u + Math.cos(from) * Math.cos(to) * v * v));
}

function latitudeDistance(latitude1: number, latitude2: number): number {
  return EARTH_RADIUS_METERS * Math.abs(latitude2 * RADIANS - latitude1 * RADIANS);
}

const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

/** The position as an 11-character geohash of the public standard (latitude −90 … 90); its last character is always "0". */
export function geohashText(position: Position): string {
  const latitude = Math.floor(((position.latitude + 90) / 180) * STEPS);
  const longitude = Math.floor(((position.longitude + 180) / 360) * STEPS);
  const bits = spread(latitude) | (spread(longitude) << 1n);
  let text = "";
  for (let i = 1; i <= 10; i++) text += ALPHABET[Number((bits >> BigInt(52 - 5 * i)) & 31n)];
  return `${text}0`;
}

/** What a search looks for, around a centre in degrees; lengths in metres. */
export type Shape =
  | { readonly kind: "circle"; readonly longitude: number; readonly latitude: number; readonly radius: number }
  | {
      readonly kind: "box";
      readonly longitude: number;
      readonly latitude: number;
      readonly width: number;
      readonly height: number;
    };

/** The distance in metres from the shape's centre to `position`, or −1 when it lies outside. */
export function distanceWithin(shape: Shape, position: Position): number {
  const { longitude, latitude } = shape;
  if (shape.kind === "circle") {
    const away = distance(longitude, latitude, position.longitude, position.latitude);
    return away > shape.radius ? -1 : away;
  }
  if (latitudeDistance(position.latitude, latitude) > shape.height / 2) return -1;
  const across = distance(position.longitude, position.latitude, longitude, position.latitude);
  if (across > shape.width / 2) return -1;
  return distance(longitude, latitude, position.longitude, position.latitude);
}

/** A range of scores: min ≤ score < max. */
export interface ScoreBox {
  readonly min: number;
  readonly max: number;
}

interface Box {
  readonly bits: bigint;
  readonly step: number;
}

interface Edges {
  south: number;
  north: number;
  west: number;
  east: number;
}

/** The ranges of scores (one to nine boxes, the centre's first) that together hold every position inside `shape`. */
export function coveringBoxes(shape: Shape): ScoreBox[] {
  const bounds = boundingBox(shape);
  let step = estimateStep(shape);
  let around = neighbourhood(shape, step);
  if (step > 1 && !reaches(around, bounds)) around = neighbourhood(shape, --step);
  const useful = step >= 2 ? trim(around, bounds) : around;
  return scoreRanges(useful);
}

/** Degrees that the shape extends to, widest at the edge that is nearer to the equator's opposite. */
function boundingBox(shape: Shape): Edges {
  const { longitude, latitude } = shape;
  const height = shape.kind === "circle" ? shape.radius : shape.height / 2;
  const width = shape.kind === "circle" ? shape.radius : shape.width / 2;
  const tall = height / EARTH_RADIUS_METERS / RADIANS;
  const nearer = latitude < 0 ? latitude - tall : latitude + tall;
  const wide = width / EARTH_RADIUS_METERS / Math.cos(nearer * RADIANS) / RADIANS;
  return { west: longitude - wide, east: longitude + wide, south: latitude - tall, north: latitude + tall };
}

const MERCATOR_MAX = 20037726.37;

/** Bits per coordinate of boxes about as big as the shape. */
function estimateStep(shape: Shape): number {
  const radius = shape.kind === "circle" ? shape.radius : Math.sqrt((shape.width / 2) ** 2 + (shape.height / 2) ** 2);
  if (radius === 0) return STEP_MAX;
  let step = 1;
  for (let range = radius; range < MERCATOR_MAX; range *= 2) step++;
  step -= 2;
  const { latitude } = shape;
  if (latitude > 66 || latitude < -66) step--;
  if (latitude > 80 || latitude < -80) step--;
  return Math.min(STEP_MAX, Math.max(1, step));
}

/** The centre's box and its eight neighbours; a neighbour that is not worth a look is null. */
interface Neighbourhood {
  centre: Box;
  north: Box | null;
  south: Box | null;
  east: Box | null;
  west: Box | null;
  northEast: Box | null;
  northWest: Box | null;
  southEast: Box | null;
  southWest: Box | null;
}

function neighbourhood(shape: Shape, step: number): Neighbourhood {
  const latitude = Math.floor(((shape.latitude + LATITUDE_MAX) / LATITUDE_SPAN) * 2 ** step);
  const longitude = Math.floor(((shape.longitude + LONGITUDE_MAX) / LONGITUDE_SPAN) * 2 ** step);
  const centre = { bits: spread(latitude) | (spread(longitude) << 1n), step };
  return {
    centre,
    north: moved(centre, 0, 1),
    south: moved(centre, 0, -1),
    east: moved(centre, 1, 0),
    west: moved(centre, -1, 0),
    northEast: moved(centre, 1, 1),
    northWest: moved(centre, -1, 1),
    southEast: moved(centre, 1, -1),
    southWest: moved(centre, -1, -1),
  };
}

/** The box `east` boxes to the east and `north` to the north (−1, 0, 1), around the edges of the map. */
function moved(box: Box, east: number, north: number): Box {
  const unused = BigInt(64 - box.step * 2);
  let x = box.bits & LONGITUDE_BITS;
  let y = box.bits & LATITUDE_BITS;
  if (east !== 0) x = stepped(x, east, LATITUDE_BITS >> unused) & (LONGITUDE_BITS >> unused);
  if (north !== 0) y = stepped(y, north, LONGITUDE_BITS >> unused) & (LATITUDE_BITS >> unused);
  return { bits: x | y, step: box.step };
}

/** One more or less in every second bit; `gaps` are the bits between, filled so that the carry passes over them. */
function stepped(bits: bigint, by: number, gaps: bigint): bigint {
  return BigInt.asUintN(64, by > 0 ? bits + (gaps + 1n) : (bits | gaps) - (gaps + 1n));
}

function edges(box: Box): Edges {
  const latitude = squeezeBig(box.bits);
  const longitude = squeezeBig(box.bits >> 1n);
  const steps = 2 ** box.step;
  return {
    south: -LATITUDE_MAX + (latitude / steps) * LATITUDE_SPAN,
    north: -LATITUDE_MAX + ((latitude + 1) / steps) * LATITUDE_SPAN,
    west: -LONGITUDE_MAX + (longitude / steps) * LONGITUDE_SPAN,
    east: -LONGITUDE_MAX + ((longitude + 1) / steps) * LONGITUDE_SPAN,
  };
}

/** Whether the neighbours extend to the bounds on every side. */
function reaches(around: Neighbourhood, bounds: Edges): boolean {
  const { north, south, east, west, centre } = around;
  return (
    edges(north ?? centre).north >= bounds.north &&
    edges(south ?? centre).south <= bounds.south &&
    edges(east ?? centre).east >= bounds.east &&
    edges(west ?? centre).west <= bounds.west
  );
}

/** Leaves out the neighbours on the sides where the centre's box alone extends beyond the bounds. */
function trim(around: Neighbourhood, bounds: Edges): Neighbourhood {
  const centre = edges(around.centre);
  const kept = { ...around };
  if (centre.south < bounds.south) kept.south = kept.southWest = kept.southEast = null;
  if (centre.north > bounds.north) kept.north = kept.northEast = kept.northWest = null;
  if (centre.west < bounds.west) kept.west = kept.southWest = kept.northWest = null;
  if (centre.east > bounds.east) kept.east = kept.southEast = kept.northEast = null;
  return kept;
}

/** In Redis's order, each box that equals the one before left out (huge shapes go around the earth). */
function scoreRanges(around: Neighbourhood): ScoreBox[] {
  const { centre, north, south, east, west, northEast, northWest, southEast, southWest } = around;
  const ranges: ScoreBox[] = [];
  let last: Box | null = null;
  for (const box of [centre, north, south, east, west, northEast, northWest, southEast, southWest]) {
    if (box === null) continue;
    if (last !== null && box.bits === last.bits) continue;
    const shift = BigInt(52 - box.step * 2);
    ranges.push({ min: Number(box.bits << shift), max: Number((box.bits + 1n) << shift) });
    if (box !== centre) last = box;
  }
  return ranges;
}
