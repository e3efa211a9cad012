/** Where a request's keys are, from its row's key specs. */
import type { Args } from "../net/args.ts";
import { parseInt64 } from "./parse.ts";
import type { Command, KeySpec, KeySpecFlag } from "./table.ts";

export interface KeyPosition {
  readonly index: number;
  readonly flags: readonly KeySpecFlag[];
}

/**
 * The keys of a request, its words being `args` from `offset` on. Null when the arguments do not fit the specs.
 * Specs that are marked unknown give none.
 */
export function keyPositions(command: Command, args: Args, offset = 0): KeyPosition[] | null {
  const positions: KeyPosition[] = [];
  const count = args.count - offset;
  for (const spec of command.keys ?? []) {
    if (spec.begin === "unknown" || spec.find === "unknown") continue;
    const first = beginning(spec, args, offset, count);
    if (first < 0) continue;
    const range = rangeOf(spec, first, args, offset, count);
    if (range === null || range.last >= count || range.first < 1) return null;
    const flags = spec.flags.includes("variable_flags") ? flagsOfRequest(command, args, offset) : spec.flags;
    for (let i = range.first; i <= range.last; i += range.step) positions.push({ index: offset + i, flags });
  }
  const stored = storeKey(command, args, offset);
  if (stored !== null) positions.push(stored);
  return positions;
}

function beginning(spec: KeySpec, args: Args, offset: number, count: number): number {
  const begin = spec.begin as Exclude<KeySpec["begin"], "unknown">;
  if ("index" in begin) return begin.index;
  const { keyword, from } = begin;
  const step = from > 0 ? 1 : -1;
  for (let i = from > 0 ? from : count + from; i > 0 && i < count; i += step) {
    if (args.is(offset + i, keyword)) return i + 1;
  }
  return -1;
}

function rangeOf(spec: KeySpec, first: number, args: Args, offset: number, count: number) {
  const find = spec.find as Exclude<KeySpec["find"], "unknown">;
  if ("keyNum" in find) {
    if (first + find.keyNum >= count) return null;
    const keys = Number(parseInt64(args.text(offset + first + find.keyNum)) ?? -1n);
    if (keys < 0) return null;
    const begin = first + find.firstKey;
    return { first: begin, last: begin + (keys - 1) * find.step, step: find.step };
  }
  const { lastKey, limit, step } = find;
  let last = first + lastKey;
  if (lastKey < 0) last = limit > 1 ? first + Math.floor((count - first) / limit) + lastKey : count + lastKey;
  return { first, last, step };
}

/** SET and BITFIELD use their key in ways that depend on the arguments. */
function flagsOfRequest(command: Command, args: Args, offset: number): readonly KeySpecFlag[] {
  const words: string[] = [];
  for (let i = offset + 2; i < args.count; i++) words.push(args.text(i).toUpperCase());
  if (command.name === "set") return words.slice(1).includes("GET") ? ["RW", "access", "update"] : ["OW", "update"];
  const isReading = !words.includes("SET") && !words.includes("INCRBY");
  return isReading ? ["RO", "access"] : ["RW", "access", "update"];
}

/** SORT … STORE key: the keyword may stand anywhere after the key, so that no spec can say where. */
function storeKey(command: Command, args: Args, offset: number): KeyPosition | null {
  if (command.name !== "sort") return null;
  let found: KeyPosition | null = null;
  for (let i = offset + 2; i + 1 < args.count; i++) {
    if (args.is(i, "STORE")) found = { index: i + 1, flags: ["OW", "update"] };
  }
  return found;
}
