/**
 * When two replies to the same request say the same: mostly when their bytes are equal. Where Redis leaves something open
 * (order, chance, time), and where Folio follows 7.2 or differs on purpose, a rule stands here with its reason.
 */
import { replyDifference, tokens } from "../support/compare-replies.ts";
import { replyEnd } from "../support/redis-server.ts";
import { parsedReply, type RespValue } from "../support/resp-client.ts";
import { isBig, LEXICAL, PLACES } from "./command-data.ts";
import { FUZZ_COMMANDS } from "./command-words.ts";

const HELPS = FUZZ_COMMANDS.map((one) => one.name).filter((name) => name.endsWith("|help"));

export interface Answered {
  /** "client|list" for a subcommand. */
  readonly name: string;
  readonly words: readonly string[];
  /** Raw replies. */
  readonly ours: string;
  readonly theirs: string;
}

interface Rule {
  /** Command names; a container's name stands for all its subcommands. */
  readonly of: readonly string[];
  readonly why: string;
  same(answered: Answered): boolean;
}

/** A difference on purpose: `documented` is in docs/differences.md, `since` what redis-server 7.0 does not have yet. */
interface Wanted extends Rule {
  readonly documented?: string;
  readonly since?: "7.2";
}

function sameType({ ours, theirs }: Answered): boolean {
  return ours[0] === theirs[0] && ours[0] !== "-";
}

/** Whether two integers (or arrays of them) are at most `apart` apart, and negative ones the same. */
function near(apart: number): (replies: Pick<Answered, "ours" | "theirs">) => boolean {
  return ({ ours, theirs }) => {
    const [mine, other] = [Number(ours.slice(1)), Number(theirs.slice(1))];
    if (!ours.startsWith(":") || !theirs.startsWith(":") || mine < 0 || other < 0) return false;
    return Math.abs(mine - other) <= apart;
  };
}

/** The header of an aggregate and its items, `together` at a time, sorted. Null for another reply. */
function sortedItems(reply: string, together: number): string | null {
  if (!"*~%".includes(reply[0] as string)) return null;
  const at = reply.indexOf("\r\n") + 2;
  return reply.slice(0, at) + itemsFrom(reply, at, reply.length, together).sort().join("");
}

function itemsFrom(reply: string, from: number, to: number, together: number): string[] {
  const items: string[] = [];
  for (let at = from; at < to; ) {
    let end = at;
    for (let i = 0; i < together && end < to; i++) end = replyEnd(reply, end);
    items.push(reply.slice(at, end));
    at = end;
  }
  return items;
}

function anyOrder(together: number): (answered: Answered) => boolean {
  return ({ ours, theirs }) => {
    const mine = sortedItems(ours, together);
    return mine !== null && mine === sortedItems(theirs, together);
  };
}

function sameNumbers(tolerance: number): (answered: Answered) => boolean {
  return ({ ours, theirs }) => replyDifference(ours, theirs, tolerance) === null;
}

function has(words: readonly string[], option: RegExp): boolean {
  return words.some((word) => option.test(word));
}

function sameLength({ ours, theirs }: Answered): boolean {
  return ours[0] === theirs[0] && tokens(ours).length === tokens(theirs).length;
}

const RULES: readonly Rule[] = [
  {
    of: ["smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "keys"],
    why: "a hash table has no order",
    same: anyOrder(1),
  },
  { of: ["hgetall"], why: "a hash table has no order", same: anyOrder(2) },
  {
    of: ["scan", "sscan", "hscan", "zscan"],
    why: "cursors and how much comes at once are the server's own; whole iterations are compared apart",
    same: sameType,
  },
  {
    of: ["srandmember", "hrandfield", "zrandmember"],
    why: "chance; as many must come, and each is looked up afterwards",
    same: sameLength,
  },
  {
    of: ["randomkey", "dump", "acl|genpass"],
    why: "chance, or another encoding; looked up or restored afterwards",
    same: sameType,
  },
  { of: ["ttl"], why: "time passes between the replies", same: near(30) },
  { of: ["pttl"], why: "time passes between the replies", same: near(30_000) },
  {
    of: ["xpending"],
    why: "idle times go on between the replies",
    same: ({ ours, theirs }) => withoutIdle(ours) === withoutIdle(theirs),
  },
  { of: ["object|idletime"], why: "counted from each server's own start", same: near(600) },
  {
    of: ["memory|malloc-stats"],
    why: "each server's own allocator",
    same: ({ ours, theirs }) => !ours.startsWith("-") && !theirs.startsWith("-"),
  },
  { of: ["memory|usage"], why: "each server's own memory", same: sameType },
  {
    of: ["zscore", "zmscore", "zrange", "zrevrange", "zrangebyscore", "zrevrangebyscore", "zunion", "zinter", "zdiff"],
    why: "7.2 writes doubles in the shortest form, 7.0 with 17 digits",
    same: sameNumbers(0),
  },
  {
    of: ["geopos", "geodist", "geosearch", "georadius", "georadius_ro", "georadiusbymember", "georadiusbymember_ro"],
    why: "7.2 rounds and writes distances and coordinates in another way",
    same: sameNumbers(1e-4),
  },
  {
    of: ["geosearch", "georadius", "georadius_ro", "georadiusbymember", "georadiusbymember_ro"],
    why: "members at the same place come in any order, and COUNT takes any of them",
    same: (answered) => {
      const key = answered.words[1] as string;
      return (isBig(key) || !key.startsWith(PLACES)) && sameLength(answered);
    },
  },
  {
    of: ["sort_ro"],
    why: "a set has no order to keep, and ALPHA leaves ties (texts are compared up to a NUL) as they come",
    same: (answered) => {
      const open = has(answered.words, /^(by|alpha)$/i);
      return open && (has(answered.words, /^limit$/i) ? sameLength(answered) : sameTokens(answered));
    },
  },
  {
    of: [
      "hello",
      "command",
      "info",
      "config",
      "time",
      "lolwut",
      "slowlog|get",
      "slowlog|len",
      "latency",
      "acl",
      "memory|stats",
      "memory|doctor",
      "client|id",
      "client|info",
      "client|list",
    ],
    why: "tells of the server itself; errors are compared",
    same: sameType,
  },
];

/** XPENDING's long form (id, consumer, idle, deliveries) with whether the idle time is sane in its place. */
function withoutIdle(raw: string): string {
  const value = parsedReply(raw);
  if (!Array.isArray(value)) return raw;
  const entry = (one: RespValue) => (Array.isArray(one) && one.length === 4 ? one.with(2, Number(one[2]) >= 0) : one);
  return JSON.stringify(value.map(entry), (_, one) => (typeof one === "bigint" ? `${one}` : one));
}

function sameTokens({ ours, theirs }: Answered): boolean {
  const texts = (raw: string) =>
    tokens(raw)
      .map((token) => token.type + token.text)
      .sort()
      .join("\n");
  return texts(ours) === texts(theirs);
}

const LEX_RANGES = ["zrangebylex", "zrevrangebylex", "zlexcount", "zrange"];

export const WANTED: readonly Wanted[] = [
  {
    of: ["zrank", "zrevrank"],
    why: "WITHSCORE came with 7.2",
    since: "7.2",
    same: ({ words, theirs }) => words.length > 3 && theirs.startsWith("-ERR wrong number of arguments"),
  },
  {
    of: ["command|getkeys", "command|getkeysandflags"],
    why: "7.2 takes a request of one word",
    since: "7.2",
    same: ({ words, theirs }) => words.length === 3 && theirs.startsWith("-ERR wrong number of arguments"),
  },
  {
    of: ["command|getkeys", "command|getkeysandflags"],
    why: "WITHSCORE came with 7.2",
    since: "7.2",
    same: ({ words, theirs }) =>
      /^zrev?rank$|^zrank$/i.test(words[2] as string) && theirs.startsWith("-ERR Invalid number of"),
  },
  {
    of: ["client|setinfo", "client|no-touch"],
    why: "came with 7.2",
    since: "7.2",
    same: ({ theirs }) => theirs.startsWith("-ERR unknown subcommand"),
  },
  {
    of: ["xinfo|consumers", "xinfo|stream"],
    why: "7.2 tells when a consumer was last active",
    since: "7.2",
    same: ({ ours, theirs }) => withoutActivity(ours) === withoutActivity(theirs),
  },
  {
    of: ["object|encoding"],
    why: "7.2 has lists of one listpack and sets in a listpack",
    since: "7.2",
    same: ({ ours, theirs }) => ours === "$8\r\nlistpack\r\n" && /quicklist|hashtable/.test(theirs),
  },
  {
    of: ["object|encoding"],
    why: "PFCOUNT takes a HyperLogLog into a raw string in Redis, a side effect",
    documented: "OBJECT ENCODING",
    same: ({ words, ours, theirs }) => /^hll:/.test(words[2] as string) && /embstr/.test(ours) && /raw/.test(theirs),
  },
  {
    of: ["hello"],
    why: "7.2 reads all options before it checks the password",
    since: "7.2",
    same: ({ ours, theirs }) => ours.startsWith("-ERR") && theirs.startsWith("-WRONGPASS"),
  },
  {
    of: ["dbsize"],
    why: "keys that have expired are not counted",
    documented: "Expired keys",
    same: ({ ours, theirs }) => Number(ours.slice(1)) < Number(theirs.slice(1)) && near(12)({ ours, theirs }),
  },
  {
    of: ["role"],
    why: "there is no replication yet: the offset that a file notes is not taken over",
    documented: "replication",
    same: sameType,
  },
  {
    of: ["lolwut"],
    why: "a picture of Folio's own, whatever is asked for",
    documented: "LOLWUT",
    same: ({ ours }) => /^[$=]/.test(ours),
  },
  {
    of: ["lpos"],
    why: "7.2 refuses the rank without an opposite",
    since: "7.2",
    same: ({ words, ours }) => words.includes("-9223372036854775808") && ours.startsWith("-ERR value is out of range"),
  },
  {
    of: ["sort_ro"],
    why: "Redis may refuse good numbers, by an error code that an earlier command left",
    documented: "SORT_RO",
    same: ({ words, ours, theirs }) =>
      theirs.startsWith("-ERR One or more scores") &&
      tokens(ours).every(
        ({ type, text }) =>
          type === "*" ||
          has(words, /^(by|get)$/i) ||
          !Number.isNaN(Number(text.replace(/^([+-]?)inf(inity)?$/i, "$1Infinity"))),
      ),
  },
  {
    of: ["object|encoding"],
    why: "SORT_RO turns a sorted set into a skiplist in Redis, a side effect",
    documented: "OBJECT ENCODING",
    same: ({ ours, theirs }) => ours === "$8\r\nlistpack\r\n" && theirs === "$8\r\nskiplist\r\n",
  },
  {
    of: ["xread"],
    why: "7.2 refuses timeouts that end beyond 64 bits",
    since: "7.2",
    same: ({ ours }) => ours === "-ERR timeout is out of range\r\n",
  },
  {
    of: ["xread"],
    why: "7.2 puts the command's name in another way",
    since: "7.2",
    same: ({ ours, theirs }) =>
      ours.startsWith("-ERR Unbalanced 'xread' list") && theirs.startsWith("-ERR Unbalanced XREAD list"),
  },
  {
    of: ["command|getkeys", "command|getkeysandflags"],
    why: "of commands that 7.0 does not have",
    documented: "HTTL",
    same: ({ words, theirs }) => has(words, /^h(p?ttl|p?expiretime)$/i) && theirs.startsWith("-ERR Invalid command"),
  },
  {
    of: ["httl", "hpttl", "hexpiretime", "hpexpiretime"],
    why: "of 7.4, as files of 7.4 hold such fields",
    documented: "HTTL",
    same: ({ theirs }) => theirs.startsWith("-ERR unknown command"),
  },
  {
    of: ["scan", "sscan", "hscan", "zscan"],
    why: "NOVALUES is of 7.4",
    documented: "NOVALUES",
    same: ({ words, theirs }) => has(words, /^novalues$/i) && theirs.startsWith("-ERR syntax error"),
  },
  {
    of: LEX_RANGES,
    why: "by name in a sorted set with different scores: Redis leaves the answer open",
    documented: "members of different scores",
    same: (answered) =>
      sameType(answered) &&
      !(answered.words[1] as string).startsWith(LEXICAL) &&
      (answered.name !== "zrange" || has(answered.words, /^bylex$/i)),
  },
  {
    of: HELPS,
    why: "the help texts are Folio's own",
    documented: "HELP",
    same: sameType,
  },
];

/** The reply without fields that only 7.2 has and without idle times, which go on. */
function withoutActivity(raw: string): string {
  const value = parsedReply(raw);
  const cleaned = (one: RespValue): RespValue => {
    if (Array.isArray(one)) {
      const isPairs = one.length % 2 === 0 && one.every((item, i) => i % 2 === 1 || typeof item === "string");
      const gone = (i: number) => isPairs && ["inactive", "active-time", "idle"].includes(String(one[i - (i % 2)]));
      return one.filter((_, i) => !gone(i)).map(cleaned);
    }
    return typeof one === "object" && one !== null && "map" in one ? cleaned(one["map"] as RespValue) : one;
  };
  return JSON.stringify(cleaned(value), (_, one) => (typeof one === "bigint" ? `${one}` : one));
}

function appliesTo(rule: Rule, name: string): boolean {
  return rule.of.includes(name) || rule.of.includes(name.split("|")[0] as string) || rule.of.includes("*");
}

/** Whether the replies say the same, by their bytes or by a rule. */
export function sameAnswer(answered: Answered): boolean {
  if (answered.ours === answered.theirs) return true;
  return [...RULES, ...WANTED].some((rule) => appliesTo(rule, answered.name) && rule.same(answered));
}
