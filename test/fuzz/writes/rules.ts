/**
 * What redis-server is asked in the place of a command, and when replies say the same. Commands that choose by chance are asked about
 * what Folio chose; where Redis leaves something open, where Folio follows 7.2, or differs on purpose (docs/differences.md), a rule
 * stands here with its reason.
 */
import { replyDifference, tokens } from "../../support/compare-replies.ts";
import { replyEnd } from "../../support/redis-server.ts";
import { parsedReply, type RespValue } from "../../support/resp-client.ts";
import { followUp } from "../command-checks.ts";

export interface Answered {
  readonly words: readonly string[];
  readonly ours: string;
  readonly theirs: string;
}

/** "open": both are right and the states may differ from here on. */
export type Verdict = "same" | "differs" | "open";

/** What redis-server is asked in the place of a command. */
export interface Asked {
  readonly requests: readonly (readonly string[])[];
  judge(theirs: readonly string[]): Verdict;
}

interface Rule {
  /** Names of commands, in capitals. */
  readonly of: string;
  readonly why: string;
  readonly open?: boolean;
  same(answered: Answered): boolean;
}

const NOTHING = "no such member of anything";

/** What to ask redis-server; null when Folio does not have the command yet. */
export function asked(words: readonly string[], ours: string): Asked | null {
  if (/^-ERR (Folio does not have|unknown command)/.test(ours)) return null;
  const plain: Asked = { requests: [words], judge: ([theirs = ""]) => judged({ words, ours, theirs }) };
  if (ours.startsWith("-")) return plain;
  switch ((words[0] as string).toUpperCase()) {
    case "SPOP":
      return popped(words, ours);
    case "XADD":
      return { ...plain, requests: [added(words, ours)] };
    case "SRANDMEMBER":
    case "HRANDFIELD":
    case "ZRANDMEMBER":
    case "RANDOMKEY":
      return chosen(words, ours);
    case "XREADGROUP":
    case "XCLAIM":
    case "XAUTOCLAIM": {
      const made = consumersOf(words);
      return { requests: [...made, words], judge: (theirs) => plain.judge(theirs.slice(made.length)) };
    }
    case "ZRANGEBYLEX":
    case "ZREVRANGEBYLEX":
    case "ZLEXCOUNT":
    case "ZREMRANGEBYLEX":
      return byName(words, ours, words[1] as string);
    case "ZRANGE":
      return has(words, /^bylex$/i) ? byName(words, ours, words[1] as string) : plain;
    case "ZRANGESTORE":
      return has(words, /^bylex$/i) ? byName(words, ours, words[2] as string) : plain;
    default:
      return plain;
  }
}

/** By name in a sorted set with different scores Redis leaves the answer open. */
function byName(words: readonly string[], ours: string, key: string): Asked {
  return {
    requests: [["ZRANGE", key, "0", "0", "WITHSCORES"], ["ZRANGE", key, "-1", "-1", "WITHSCORES"], words],
    judge: ([first = "", last = "", theirs = ""]) => {
      const [lowest, highest] = [first, last].map((reply) => tokens(reply).at(-1)?.text);
      const verdict = judged({ words, ours, theirs });
      const isChanging = /^(zrangestore|zremrangebylex)$/i.test(words[0] as string);
      return lowest !== highest && (isChanging || verdict === "differs") ? "open" : verdict;
    },
  };
}

/** 7.2 makes the consumer whatever there is to read or claim, 7.0 only when there is something: requests that make it. */
export function consumersOf(words: readonly string[]): readonly string[][] {
  const [name = "", key = "", group = "", consumer = ""] = words;
  if (/^x(auto)?claim$/i.test(name)) return [["XGROUP", "CREATECONSUMER", key, group, consumer]];
  const at = words.findIndex((word) => /^group$/i.test(word));
  const from = words.findIndex((word) => /^streams$/i.test(word)) + 1;
  if (!/^xreadgroup$/i.test(name) || at < 0 || from === 0) return [];
  const keys = words.slice(from, from + (words.length - from) / 2);
  return keys.map((one) => ["XGROUP", "CREATECONSUMER", one, words[at + 1] as string, words[at + 2] as string]);
}

/** What SPOP took here is taken there by name. */
function popped(words: readonly string[], ours: string): Asked {
  const reply = parsedReply(ours);
  const list = typeof reply === "object" && reply !== null && "set" in reply ? reply["set"] : reply;
  const members = (Array.isArray(list) ? list : list === null ? [] : [list]).map(String);
  const key = words[1] as string;
  return {
    requests: [
      ["SCARD", key],
      ["SREM", key, ...members, NOTHING],
    ],
    judge: ([size = "", removed = ""]) => {
      const count = words.length > 2 ? Number(words[2]) : 1;
      const expected = Math.min(count, Number(size.slice(1)));
      const fits = members.length === expected && removed === `:${expected}\r\n`;
      return fits ? "same" : "differs";
    },
  };
}

/** With the ID that Folio gave the entry. */
function added(words: readonly string[], ours: string): readonly string[] {
  let at = 2;
  while (/^(nomkstream|maxlen|minid|limit)$/i.test(words[at] ?? "")) {
    if (!/^nomkstream$/i.test(words[at] as string)) at += /^[=~]$/.test(words[at + 1] ?? "") ? 2 : 1;
    at++;
  }
  const isMade = /^(\d+-)?\*$/.test(words[at] ?? "") && ours.startsWith("$") && !ours.startsWith("$-1");
  return isMade ? words.with(at, String(parsedReply(ours))) : words;
}

function chosen(words: readonly string[], ours: string): Asked {
  const check = followUp((words[0] as string).toLowerCase(), words, ours);
  const looked = check === null ? [] : [check.words];
  return {
    requests: [words, ...looked],
    judge: ([theirs = "", found = ""]) => {
      if (ours[0] !== theirs[0] || tokens(ours).length !== tokens(theirs).length) return "differs";
      return check === null || check.wrong(found) === null ? "same" : "differs";
    },
  };
}

function sameType({ ours, theirs }: Answered): boolean {
  return ours[0] === theirs[0] && ours[0] !== "-";
}

/** Integers at most `apart` apart, or the same negative one. */
export function isNear(ours: string, theirs: string, apart: number): boolean {
  const [mine, other] = [Number(ours.slice(1)), Number(theirs.slice(1))];
  return ours === theirs || (mine >= 0 && other >= 0 && Math.abs(mine - other) <= apart);
}

/** An aggregate's items, `together` at a time, sorted; another reply as it is. */
export function sortedItems(reply: string, together: number): string {
  if (!"*~%".includes(reply[0] as string)) return reply;
  const items: string[] = [];
  const head = reply.indexOf("\r\n") + 2;
  for (let at = head; at < reply.length; ) {
    let end = at;
    for (let i = 0; i < together && end < reply.length; i++) end = replyEnd(reply, end);
    items.push(reply.slice(at, end));
    at = end;
  }
  return reply.slice(0, head) + items.sort().join("");
}

function anyOrder(together: number): (answered: Answered) => boolean {
  return ({ ours, theirs }) => sortedItems(ours, together) === sortedItems(theirs, together);
}

function sameNumbers(tolerance: number): (answered: Answered) => boolean {
  return ({ ours, theirs }) => replyDifference(ours, theirs, tolerance) === null;
}

function has(words: readonly string[], option: RegExp): boolean {
  return words.some((word) => option.test(word));
}

/** Fields that go on with time, or that only 7.2 has. */
const ACTIVITY = new Set(["inactive", "active-time", "seen-time", "idle"]);

/** A reply of XINFO without what time changes. */
export function withoutTimes(raw: string): string {
  const cleaned = (one: RespValue, name: string): RespValue => {
    if (typeof one === "object" && one !== null && "map" in one) return cleaned(one["map"] as RespValue, name);
    if (!Array.isArray(one)) return one;
    // A pending entry: ID, consumer (in the group's list), time, deliveries.
    if (name === "pel" || name === "pending") {
      return one.map((entry) => (Array.isArray(entry) ? entry.toSpliced(entry.length - 2, 1) : entry));
    }
    const isPairs = one.length > 0 && one.length % 2 === 0 && one.every((item, i) => i % 2 === 1 || isName(item));
    if (!isPairs) return one.map((item) => cleaned(item, ""));
    const kept = one.map((item, i) => (i % 2 === 1 ? cleaned(item, String(one[i - 1])) : item));
    return kept.filter((_, i) => !ACTIVITY.has(String(one[i - (i % 2)])));
  };
  return JSON.stringify(cleaned(parsedReply(raw), ""), (_, one) => (typeof one === "bigint" ? `${one}` : one));
}

function isName(value: RespValue): boolean {
  return typeof value === "string" && /^[a-z-]+$/.test(value);
}

/** XPENDING's long form with whether the idle time is sane in its place. */
function withoutIdle(raw: string): string {
  const value = parsedReply(raw);
  if (!Array.isArray(value)) return raw;
  const entry = (one: RespValue) => (Array.isArray(one) && one.length === 4 ? one.with(2, Number(one[2]) >= 0) : one);
  return JSON.stringify(value.map(entry), (_, one) => (typeof one === "bigint" ? `${one}` : one));
}

function sameSort({ words, ours, theirs }: Answered): boolean {
  if (!has(words, /^(by|alpha)$/i) || !sameType({ words, ours, theirs })) return false;
  const texts = (raw: string) =>
    tokens(raw)
      .map((token) => token.type + token.text)
      .sort()
      .join("\n");
  return has(words, /^limit$/i) ? tokens(ours).length === tokens(theirs).length : texts(ours) === texts(theirs);
}

const GEO_READS = "GEOPOS GEODIST GEOSEARCH GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER";

const RULES: readonly Rule[] = [
  { of: "SMEMBERS SINTER SUNION SDIFF HKEYS HVALS KEYS", why: "a hash table has no order", same: anyOrder(1) },
  { of: "HGETALL", why: "a hash table has no order", same: anyOrder(2) },
  { of: "SCAN SSCAN HSCAN ZSCAN", why: "cursors, and how much comes at once, are the server's own", same: sameType },
  { of: "MEMORY", why: "each server's own memory", same: sameType },
  { of: "MEMORY", why: "Redis measures keys, too, that have expired", same: ({ ours }) => /^(_|\$-1)/.test(ours) },
  { of: "TTL EXPIRETIME", why: "each server's own clock", same: ({ ours, theirs }) => isNear(ours, theirs, 60) },
  { of: "PTTL PEXPIRETIME", why: "each server's own clock", same: ({ ours, theirs }) => isNear(ours, theirs, 60_000) },
  {
    of: "XPENDING",
    why: "idle times go on between the replies",
    same: ({ ours, theirs }) => withoutIdle(ours) === withoutIdle(theirs),
  },
  {
    of: "XINFO",
    why: "idle times go on, and 7.2 tells when a consumer was last active",
    same: (answered) => sameType(answered) && withoutTimes(answered.ours) === withoutTimes(answered.theirs),
  },
  {
    of: "ZADD ZINCRBY ZSCORE ZMSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZUNION ZINTER ZDIFF ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP",
    why: "7.2 writes doubles in the shortest form, 7.0 with 17 digits",
    same: sameNumbers(0),
  },
  { of: GEO_READS, why: "7.2 rounds and writes distances and coordinates in another way", same: sameNumbers(1e-4) },
  {
    of: GEO_READS,
    why: "members at the same place come in any order",
    same: ({ ours, theirs }) => sameType({ words: [], ours, theirs }) && tokens(ours).length === tokens(theirs).length,
  },
  { of: "SORT SORT_RO", why: "a set has no order to keep, and ALPHA leaves ties as they come", same: sameSort },
  {
    of: "SORT SORT_RO",
    why: "Redis may refuse good numbers, by an error code that an earlier command left",
    open: true,
    same: ({ ours, theirs }) => theirs.startsWith("-ERR One or more scores") && !ours.startsWith("-"),
  },
  {
    of: "XREADGROUP",
    why: "7.2 looks at a stream that is gone as the command itself would",
    same: ({ ours, theirs }) => /^-(NOGROUP|WRONGTYPE)/.test(ours) && /^-(UNBLOCKED|WRONGTYPE|NOGROUP)/.test(theirs),
  },
  {
    of: "XREAD XREADGROUP",
    why: "7.2 puts the command's name in another way",
    same: ({ ours, theirs }) => /^-ERR Unbalanced '/.test(ours) && /^-ERR Unbalanced /.test(theirs),
  },
  {
    of: "XREAD XREADGROUP",
    why: "7.2 wakes nobody for an entry that is trimmed away at once",
    same: ({ ours, theirs }) => /^(\*-1|_)/.test(ours) && theirs.endsWith("\r\n*0\r\n"),
  },
  {
    of: "XREAD XREADGROUP",
    why: "7.2 refuses timeouts that end beyond 64 bits",
    same: ({ ours }) => ours === "-ERR timeout is out of range\r\n",
  },
  {
    of: "XSETID",
    why: "7.2 goes by the largest ID that was deleted, too",
    same: ({ ours, theirs }) => ours.endsWith("current max_deleted_entry_id\r\n") && theirs.startsWith("-ERR The "),
  },
  {
    of: "XSETID",
    why: "7.2 goes by the largest ID that was deleted, too",
    open: true,
    same: ({ ours }) => ours.endsWith("current max_deleted_entry_id\r\n"),
  },
  {
    of: "LPOS",
    why: "7.2 refuses the rank without an opposite",
    same: ({ words, ours }) => words.includes("-9223372036854775808") && ours.startsWith("-ERR value is out of range"),
  },
  {
    of: "ZRANK ZREVRANK",
    why: "WITHSCORE came with 7.2",
    same: ({ words, theirs }) => words.length > 3 && theirs.startsWith("-ERR wrong number of arguments"),
  },
];

export function judged(answered: Answered): Verdict {
  if (answered.ours === answered.theirs) return "same";
  const name = (answered.words[0] as string).toUpperCase();
  const rule = RULES.find((one) => one.of.split(" ").includes(name) && one.same(answered));
  if (rule === undefined) return "differs";
  return rule.open === true ? "open" : "same";
}
