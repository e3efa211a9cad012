/**
 * A round's script, made from its seed: commands of all families, and steps of other kinds, which begin with "@":
 *
 *   @config <name> <value>   on both servers       @protocol <2|3>          of the connection that sends the commands
 *   @restore <from> <to>     DUMP, RESTORE there   @block <command…>        by another client, which waits
 *   @expire <key>            and wait until then   @check                   compare all that both hold
 *   @reload                  both read what they have written               @drain    delete everything: Folio's memory must be free
 *   @save                    BGSAVE on Folio, which goes on meanwhile       @settle   wait until that has ended
 */
import { GENERIC } from "./generic.ts";
import { harmless } from "./harmless.ts";
import { HASHES } from "./hashes.ts";
import { LISTS } from "./lists.ts";
import { MANY } from "./many.ts";
import { SETS } from "./sets.ts";
import { GEO, SORTED_SETS } from "./sorted-sets.ts";
import { STREAMS } from "./streams.ts";
import { STRINGS } from "./strings.ts";
import { type Family, type Maker, Words } from "./words.ts";

export type Step = readonly string[];

const FAMILIES: readonly Family[] = [STRINGS, HASHES, LISTS, SETS, SORTED_SETS, GEO, STREAMS, GENERIC];
const SHARES: readonly number[] = [2, 3, 3, 3, 4, 1, 4, 2];
const COMMANDS = 400;
const CHECK_EVERY = 60;
const SPOILT = 0.06;

/** Directives with values that are common and values that conversions come soon with. */
const LIMITS: readonly (readonly [name: string, ordinary: string, low: readonly string[]])[] = [
  ["hash-max-listpack-entries", "128", ["4", "16", "0"]],
  ["hash-max-listpack-value", "64", ["8", "20"]],
  ["set-max-intset-entries", "512", ["4", "20"]],
  ["zset-max-listpack-entries", "128", ["4", "16", "0"]],
  ["zset-max-listpack-value", "64", ["8", "20"]],
  ["list-max-listpack-size", "-2", ["1", "3", "10", "-1"]],
  ["list-compress-depth", "0", ["1", "2"]],
  ["stream-node-max-entries", "100", ["1", "3", "10"]],
  ["stream-node-max-bytes", "4096", ["60", "200"]],
  ["hll-sparse-max-bytes", "3000", ["100"]],
];

/**
 * Commands that wait, as their clients send them, for one key each: of several, one of which has become one of another type, 7.2 refuses
 * the command, and 7.0 serves it from the others.
 */
const WAITING: readonly Maker[] = [
  (w) => [w.pick(["BLPOP", "BRPOP"]), w.key("l"), "0"],
  (w) => ["BLMOVE", w.key("l"), w.key("l"), w.pick(["LEFT", "RIGHT"]), w.pick(["LEFT", "RIGHT"]), "0"],
  (w) => ["BLMPOP", "0", "1", w.key("l"), w.pick(["LEFT", "RIGHT"]), "COUNT", `${1 + w.below(3)}`],
  (w) => [w.pick(["BZPOPMIN", "BZPOPMAX"]), w.key("z"), "0"],
  (w) => ["BZMPOP", "0", "1", w.key("z"), w.pick(["MIN", "MAX"]), "COUNT", `${1 + w.below(3)}`],
  (w) => ["XREAD", "BLOCK", "0", "STREAMS", w.key("x"), "$"],
  (w) => ["XREADGROUP", "GROUP", w.pick(["g1", "g2"]), "dave", "BLOCK", "0", "STREAMS", w.key("x"), ">"],
];

function weighted<T>(w: Words, items: readonly T[], weightOf: (item: T, i: number) => number): T {
  let left = w.below(1_000_000) / 1_000_000;
  const total = items.reduce((sum, item, i) => sum + weightOf(item, i), 0);
  for (const [i, item] of items.entries()) {
    left -= weightOf(item, i) / total;
    if (left < 0) return item;
  }
  return items.at(-1) as T;
}

function command(w: Words, focus: Family | null): Step {
  const family = focus !== null && w.chance(0.6) ? focus : weighted(w, FAMILIES, (_, i) => SHARES[i] as number);
  w.pool = family.pool;
  const [, make] = weighted(w, family.makers, ([weight]) => weight);
  const words = make(w);
  if (words[0]?.startsWith("@")) return words;
  return harmless(w.chance(SPOILT) ? w.spoilt(words) : words);
}

interface Kind {
  readonly isSaving: boolean;
  readonly isReloading: boolean;
  readonly hasWaiting: boolean;
}

function between(w: Words, { isSaving, isReloading, hasWaiting }: Kind): Step[] {
  const steps: Step[] = [];
  if (isSaving && w.chance(0.02)) steps.push(["@save"]);
  if (isReloading && w.chance(0.008)) steps.push(["@settle"], ["@reload"]);
  if (w.chance(0.003)) steps.push(["@expire", w.anyKey()]);
  if (hasWaiting && w.chance(0.03)) steps.push(["@block", ...w.pick(WAITING)(w)]);
  return steps;
}

const GROUPS = [
  ["x0", "g1"],
  ["x0", "g2"],
  ["x1", "g1"],
  ["x2", "g2"],
] as const;
const LARGE = [300, 700, 2000, 3000];
/** In a round with large collections. */
const MANY_SHARE = 0.1;

/** Collections that are large from the start, of every kind; ordinary commands seldom make them so. */
function large(w: Words): Step[] {
  const steps: Step[] = [];
  const names = (of: (i: number) => string[]) => Array.from({ length: w.pick(LARGE) }, (_, i) => of(i)).flat();
  steps.push(["HSET", "h0", ...names((i) => [`m${i}`, `value ${i * 7}`])]);
  steps.push(["SADD", "e0", ...names((i) => [`m${i * 3}`])], ["SADD", "e1", ...names((i) => [`${i * 5}`])]);
  steps.push(["ZADD", "z0", ...names((i) => [`${(i * 7919) % 1000}`, `m${i}`])]);
  steps.push(["ZADD", "y0", ...names((i) => ["0", `m${i}`])], ["RPUSH", "l0", ...names((i) => [`m${i % 50}`])]);
  for (let i = 0; i < 200; i++) steps.push(["XADD", "x0", `${i}-1`, "a", `m${i % 40}`, "b", `${i}`]);
  steps.push(["XGROUP", "CREATE", "x0", "g1", "0"]);
  steps.push(["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "150", "STREAMS", "x0", ">"]);
  return w.chance(0.5) ? steps : [...steps, ["@reload"]];
}

/** A key that a command stores to anew: Redis serves clients that wait for keys that come into being, Folio also where one is overwritten. */
function storedAt(step: Step): string | undefined {
  const [name = "", key] = step;
  if (/STORE$/i.test(name)) return key;
  const at = step.findIndex((word) => /^store(dist)?$/i.test(word));
  return /^(SORT|GEORADIUS)/i.test(name) && at > 0 ? step[at + 1] : undefined;
}

export function scriptOf(seed: number): Step[] {
  const w = new Words(seed);
  const steps: Step[] = [];
  const isLow = w.chance(0.7);
  for (const [name, ordinary, low] of LIMITS) {
    steps.push(["@config", name, isLow && w.chance(0.7) ? w.pick(low) : ordinary]);
  }
  steps.push(["@protocol", w.pick(["2", "3"])]);
  const kind = { isSaving: w.chance(0.4), isReloading: w.chance(0.4), hasWaiting: w.chance(0.3) };
  const isLarge = w.chance(0.25);
  if (isLarge) steps.push(...large(w));
  // Without a group most commands of streams are refused.
  if (w.chance(0.8)) for (const [key, group] of GROUPS) steps.push(["XGROUP", "CREATE", key, group, "0", "MKSTREAM"]);
  const focus = w.chance(0.6) ? w.pick(FAMILIES) : null;
  for (let i = 1; i <= COMMANDS; i++) {
    const next = isLarge && w.chance(MANY_SHARE) ? w.pick(MANY)(w) : command(w, focus);
    const stored = kind.hasWaiting ? storedAt(next) : undefined;
    steps.push(...between(w, kind), ...(stored === undefined ? [] : [["DEL", stored]]), next);
    if (i % CHECK_EVERY === 0) steps.push(["@check"]);
  }
  steps.push(["@check"]);
  if (kind.isSaving && w.chance(0.5)) steps.push(["@save"]);
  if (w.chance(0.5)) steps.push(["@settle"], ["@reload"], ["@check"]);
  steps.push(["@settle"], ["@drain"]);
  return steps;
}

export function isCommand(step: Step): boolean {
  return step[0] === "@restore" || !(step[0] as string).startsWith("@");
}
