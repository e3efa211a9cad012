/** What both servers hold: every key's type, expiry, encoding, digest and whole value, compared. */
import { replyDifference } from "../../support/compare-replies.ts";
import { isNear, sortedItems, withoutTimes } from "./rules.ts";
import type { Server, Servers } from "./servers.ts";
import { line, shown as shownUpTo } from "./shown.ts";
import { KEYS } from "./words.ts";

const shown = (reply: string) => shownUpTo(reply, 700);

export const DATABASES = [0, 1] as const;
const CLOCKS_APART_MS = 60_000;

/** What a round does that has an influence on encodings, which are compared where they say something. */
export interface Encodings {
  /** Saves on Folio alone: what a file holds is compact again. */
  readonly isSaving: boolean;
  /** Elements beyond a threshold in one command: 7.2 counts them before it looks at them, 7.0 afterwards. */
  readonly hasMany: boolean;
  /** SORT of a sorted set makes a skiplist of it in Redis: docs/differences.md. */
  readonly hasSort: boolean;
}

export interface StateDifference {
  readonly kind: string;
  readonly text: string;
}

type Question = readonly [words: readonly string[], same: (ours: string, theirs: string) => boolean];

const COMPACT = /\r\n(listpack|intset|ziplist)\r\n/;

/** Lists say quicklist in 7.0, sets in a listpack hashtable; strings: docs/differences.md, strings-write.test.ts looks at them. */
function sameEncoding(
  type: string,
  { isSaving, hasMany, hasSort }: Encodings,
): (ours: string, theirs: string) => boolean {
  return (ours, theirs) => {
    if (type === "set" || type === "list" || type === "string" || ours === theirs) return true;
    if (COMPACT.test(theirs)) return hasMany && !COMPACT.test(ours);
    return (isSaving || (hasSort && type === "zset")) && COMPACT.test(ours);
  };
}

const exactly = (ours: string, theirs: string): boolean => ours === theirs;

function valueQuestions(key: string, type: string): Question[] {
  switch (type) {
    case "string":
      return [[["GET", key], exactly]];
    case "list":
      return [[["LRANGE", key, "0", "-1"], exactly]];
    case "set":
      return [
        [["SMEMBERS", key], (ours, theirs) => sortedItems(ours, 1) === sortedItems(theirs, 1)],
        [["SCARD", key], exactly],
      ];
    case "hash":
      return [
        [["HGETALL", key], (ours, theirs) => sortedItems(ours, 2) === sortedItems(theirs, 2)],
        [["HLEN", key], exactly],
      ];
    case "zset":
      return [
        [["ZRANGE", key, "0", "-1", "WITHSCORES"], (ours, theirs) => replyDifference(ours, theirs) === null],
        [["ZCARD", key], exactly],
      ];
    case "stream":
      return [
        [["XINFO", "STREAM", key, "FULL", "COUNT", "0"], (ours, theirs) => withoutTimes(ours) === withoutTimes(theirs)],
        [["XLEN", key], exactly],
      ];
    default:
      return [];
  }
}

function typeOf(reply: string): string {
  return reply.slice(1, -2);
}

function questionsOf(key: string, type: string, encodings: Encodings): Question[] {
  if (type === "none") return [];
  const about: Question[] = [
    [["PEXPIRETIME", key], (mine, other) => isNear(mine, other, CLOCKS_APART_MS)],
    [["OBJECT", "ENCODING", key], sameEncoding(type, encodings)],
    // Of a score 7.2 takes the shortest text, 7.0 seventeen digits.
    ...(type === "zset" ? [] : [[["DEBUG", "DIGEST-VALUE", key], exactly] as const]),
  ];
  return [...valueQuestions(key, type), ...about];
}

const keyOf = (words: readonly string[]): string => words.find((word) => KEYS.includes(word)) ?? "";

async function compareKeys(servers: Servers, db: number, encodings: Encodings): Promise<StateDifference | null> {
  const ask = (server: Server, questions: readonly (readonly string[])[]) => server.questions.ask(questions);
  const general = [["SELECT", `${db}`], ...KEYS.map((key) => ["TYPE", key])];
  const [ours = [], theirs = []] = await Promise.all(servers.both.map((server) => ask(server, general)));
  for (const [i, words] of general.entries()) {
    const [mine, other] = [(ours[i] as string).trim(), (theirs[i] as string).trim()];
    if (mine !== other) {
      return { kind: `state TYPE ${mine} ${other}`, text: `${line(words)} in db ${db}: folio ${mine}, redis ${other}` };
    }
  }
  const questions = KEYS.flatMap((key, i) => questionsOf(key, typeOf(ours[i + 1] as string), encodings));
  const requests = questions.map(([words]) => words);
  const [mine = [], other = []] = await Promise.all(servers.both.map((server) => ask(server, requests)));
  for (const [i, [words, same]] of questions.entries()) {
    const [a, b] = [mine[i] as string, other[i] as string];
    if (same(a, b)) continue;
    const question = /^(XINFO|OBJECT|DEBUG)$/.test(words[0] as string) ? `${words[0]} ${words[1]}` : words[0];
    const text = `${line(words)} in db ${db}:\n  folio ${shown(a)}\n  redis ${shown(b)}`;
    return { kind: `state ${question} ${typeOf(ours[KEYS.indexOf(keyOf(words)) + 1] as string)}`, text };
  }
  return null;
}

/** The first difference between what both hold, or null. */
export async function findStateDifference(servers: Servers, encodings: Encodings): Promise<StateDifference | null> {
  for (const db of DATABASES) {
    const found = await compareKeys(servers, db, encodings);
    if (found !== null) return found;
  }
  return null;
}
