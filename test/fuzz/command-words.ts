/**
 * Random requests of every command that Folio serves. A row of the command table says what arguments a command takes; from
 * that come requests that are mostly right, with arguments that name what is in the data. Then some are spoilt: words
 * dropped, doubled, swapped, or replaced by what parsers trip over.
 */
import { COMMANDS } from "../../src/commands/index.ts";
import type { Command, CommandArgument } from "../../src/commands/table.ts";
import { BARE_SIGNS, LIMITS_OF_INTEGERS, NOTATIONS } from "../support/hostile-words.ts";
import { type FuzzKey, isBig, type KeyGroup, LEXICAL, pick, STALE_COUNT, stockWord } from "./command-data.ts";
import { below, type Random, randomBytes } from "./resp-inputs.ts";
import { spoilt } from "./spoilt.ts";

export interface FuzzCommand {
  /** "client|list" for a subcommand. */
  readonly name: string;
  readonly row: Command;
  readonly words: readonly string[];
}

/** Every command and subcommand that reads: what writes is compared after each command, elsewhere (differential-writes.ts). */
export const FUZZ_COMMANDS: readonly FuzzCommand[] = COMMANDS.filter((row) => !row.flags.includes("write")).flatMap(
  (row) => [
    ...(row.handler === undefined ? [] : [{ name: row.name, row, words: [row.name] }]),
    ...(row.subcommands ?? [])
      .filter((sub) => sub.handler !== undefined && !sub.flags.includes("write"))
      .map((sub) => ({ name: `${row.name}|${sub.name}`, row: sub, words: [row.name, sub.name] })),
  ],
);

/** The command that a request is of; an unknown one by its name only. */
export function commandOf(words: readonly string[]): FuzzCommand {
  const [name = "", sub = ""] = words.map((word) => word.toLowerCase());
  const named = (full: string) => FUZZ_COMMANDS.find((one) => one.name === full);
  return named(`${name}|${sub}`) ?? named(name) ?? { name, row: (FUZZ_COMMANDS[0] as FuzzCommand).row, words: [name] };
}

/** Never sent: they end or silence the connection, or the server; or wait; or write the file that both were started with. */
const NEVER = new Set([
  "quit",
  "client|reply",
  "client|kill",
  "client|pause",
  "client|tracking",
  "shutdown",
  "config|set",
  "wait",
  "waitaof",
  "debug",
  "save",
  "bgsave",
]);

/** Sent rarely: they read no data, or their replies are not compared but for errors. */
const RARE = 0.03;
const READ_GROUPS = new Set([
  "generic",
  "string",
  "list",
  "set",
  "sorted-set",
  "hash",
  "hyperloglog",
  "geo",
  "stream",
  "bitmap",
]);

const READS = FUZZ_COMMANDS.filter((one) => READ_GROUPS.has(one.row.group) && !NEVER.has(one.name));
const OTHERS = FUZZ_COMMANDS.filter((one) => !READ_GROUPS.has(one.row.group) && !NEVER.has(one.name));

/** What number parsers, syntax checks and range checks trip over. */
const HOSTILE = [
  ...BARE_SIGNS,
  "$",
  "*",
  ">",
  ...NOTATIONS,
  "1_000",
  ...LIMITS_OF_INTEGERS,
  "2147483647",
  "-1",
  "1",
  "2",
  "3",
  "nan",
  "-nan",
  "inf",
  "-inf",
  "+inf",
  "infinity",
  "(inf",
  "(-inf",
  "((1",
  "(1",
  "[1",
  "(nan",
  "1e400",
  "-1e400",
  "1e-400",
  "0x1p3",
  "0-0",
  "5-",
  "-5",
  "1-1-1",
  "(5-1",
  "\xff\xfe",
  "%s%n",
  "null",
  "x".repeat(300),
  "9".repeat(400),
] as const;

/** Words that some command takes as an option. */
const TOKENS = [...new Set(FUZZ_COMMANDS.flatMap((one) => tokensOf(one.row.arguments ?? [])))];

function tokensOf(args: readonly CommandArgument[]): string[] {
  return args.flatMap((arg) => [...(arg.token === undefined ? [] : [arg.token]), ...tokensOf(arg.arguments ?? [])]);
}

/** The group of keys that a command reads, by its documented group; null: any. */
function keyGroups(command: FuzzCommand): readonly KeyGroup[] | null {
  switch (command.row.group) {
    case "generic":
      return command.name === "sort_ro" ? ["list", "set", "sorted-set"] : null;
    case "bitmap":
      return ["string", "hyperloglog"];
    case "set":
      return ["set"];
    case "sorted-set":
      return /union|inter|diff/.test(command.name) ? ["sorted-set", "geo", "set"] : ["sorted-set", "geo"];
    case "string":
    case "list":
    case "hash":
    case "geo":
    case "stream":
    case "hyperloglog":
      return [command.row.group];
    default:
      return null;
  }
}

/** Makes requests over the keys of one database. */
export class WordMaker {
  readonly #random: Random;
  readonly #keys: readonly FuzzKey[];
  readonly #byGroup = new Map<KeyGroup, FuzzKey[]>();
  #command: FuzzCommand = READS[0] as FuzzCommand;
  #key: FuzzKey;

  constructor(random: Random, keys: readonly FuzzKey[]) {
    this.#random = random;
    this.#keys = keys.filter((key) => !key.name.startsWith(STALE_COUNT));
    for (const key of keys) this.#byGroup.set(key.group, [...(this.#byGroup.get(key.group) ?? []), key]);
    this.#key = this.#keys[0] as FuzzKey;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(from: readonly T[]): T {
    return pick(this.#random, from);
  }

  /** One request of a command called `only`, or of any. */
  request(only?: string): { command: FuzzCommand; words: string[] } {
    const random = this.#random;
    const chosen = only === undefined ? undefined : FUZZ_COMMANDS.find((one) => one.name === only);
    this.#command = chosen ?? pick(random, this.#chance(RARE) ? OTHERS : READS);
    let options = this.#arguments(this.#command.row.arguments ?? []);
    if (this.#chance(0.15)) options = this.#spoilt(options);
    const name = this.#command.words.map((word) => this.#anyCase(word));
    if (name.length > 1 && this.#chance(0.01)) name[1] = this.#pick(["nope", "", "x".repeat(200), "a\r\nb"]);
    return { command: this.#command, words: harmless(this.#command, [...name, ...options]) };
  }

  #anyCase(word: string): string {
    const kind = this.#random();
    if (kind < 0.5) return word.toUpperCase();
    if (kind < 0.8) return word.toLowerCase();
    return [...word].map((char) => (this.#chance(0.5) ? char.toUpperCase() : char.toLowerCase())).join("");
  }

  #arguments(args: readonly CommandArgument[]): string[] {
    const required = args.findIndex((arg) => arg.optional === true);
    const fixed = required < 0 ? args : args.slice(0, required);
    const rest = required < 0 ? [] : args.slice(required);
    const words: string[] = [];
    for (let i = 0; i < fixed.length; i++) {
      const arg = fixed[i] as CommandArgument;
      if (arg.name === "numkeys" || arg.name === "numfields")
        words.push(...this.#counted(fixed[++i] as CommandArgument));
      else if (arg.token === "STREAMS") words.push(...this.#streams(arg));
      else words.push(...this.#argument(arg));
    }
    const options = rest.filter(() => this.#chance(0.4)).map((arg) => this.#argument(arg));
    if (this.#chance(0.05) && rest.length > 0) options.push(this.#argument(this.#pick(rest)));
    // Options in any order; positional ones (without a token) stay where they are, or the request makes little sense.
    if (this.#chance(0.4) && rest.every((arg) => arg.token !== undefined || arg.type === "oneof")) {
      shuffle(options, this.#random);
    }
    return [...words, ...options.flat()];
  }

  /** A count and as many values; sometimes not as many. */
  #counted(values: CommandArgument): string[] {
    const many = 1 + below(this.#random, this.#chance(0.7) ? 3 : 7);
    const words = Array.from({ length: many }, () => this.#value(values));
    const said = this.#chance(0.95) ? many : many + below(this.#random, 5) - 2;
    return [`${said}`, ...words];
  }

  #streams(arg: CommandArgument): string[] {
    const many = 1 + below(this.#random, 3);
    const parts = arg.arguments ?? [arg, arg];
    const keys = Array.from({ length: many }, () => this.#keyName());
    const ids = Array.from({ length: this.#chance(0.96) ? many : 1 + below(this.#random, 3) }, () =>
      this.#value(parts[1] as CommandArgument),
    );
    return [this.#anyCase("STREAMS"), ...keys, ...ids];
  }

  #argument(arg: CommandArgument): string[] {
    if (arg.token === "STREAMS") return this.#streams(arg);
    const token = arg.token === undefined || arg.type === "pure-token" ? [] : [this.#anyCase(arg.token)];
    const times = arg.multiple ? 1 + below(this.#random, this.#chance(0.8) ? 4 : 12) : 1;
    const words: string[] = [];
    for (let i = 0; i < times; i++) {
      if (i === 0 || arg.multipleToken) words.push(...token);
      words.push(...this.#once(arg));
    }
    return words;
  }

  #once(arg: CommandArgument): string[] {
    switch (arg.type) {
      case "pure-token":
        return [this.#anyCase(arg.token ?? arg.name)];
      case "oneof":
        return this.#argument(this.#pick(arg.arguments ?? []));
      case "block":
        return this.#arguments(arg.arguments ?? []);
      default:
        return [this.#value(arg)];
    }
  }

  /** One value that is no keyword: by the argument's type and name. */
  #value(arg: CommandArgument): string {
    if (this.#chance(0.02)) return this.#pick(HOSTILE);
    switch (arg.type) {
      case "key":
        return this.#keyName();
      case "integer":
        return this.#integer(arg.name);
      case "double":
        return this.#double(arg.name);
      case "pattern":
        return this.#pattern(arg.name);
      default:
        return this.#text(arg.name);
    }
  }

  #keyName(): string {
    const kind = this.#random();
    const groups = kind < 0.85 ? keyGroups(this.#command) : null;
    if (kind > 0.95) return this.#pick(["missing", "gone", "string:999", "\0", "soon:1"]);
    const from = groups === null ? this.#keys : (this.#byGroup.get(this.#pick(groups)) ?? this.#keys);
    const usable = this.#command.name === "pfcount" ? from : from.filter((key) => !key.name.startsWith(STALE_COUNT));
    this.#key = this.#pick(usable);
    // Big ones seldom: they take their time.
    if (isBig(this.#key.name) && this.#chance(0.8)) this.#key = this.#pick(usable);
    if (/lex/.test(this.#command.name) && !this.#key.name.startsWith(LEXICAL)) this.#key = this.#pick(usable);
    return this.#key.name;
  }

  #integer(name: string): string {
    const random = this.#random;
    if (name === "bit") return this.#pick(["0", "1", "0", "1", "2", "-1"]);
    if (name === "cursor") return this.#pick(["0", "0", "0", "1", "-1", "18446744073709551615", "x", "0x0", "00"]);
    if (name === "milliseconds") return this.#pick(["1", "2", "-1", "x", "1.5"]);
    const kind = this.#random();
    if (kind < 0.5) return `${below(random, 25) - 8}`;
    if (kind < 0.7) return `${below(random, 900)}`;
    if (kind < 0.8) return `${-below(random, 900)}`;
    if (kind < 0.9) return `${below(random, 40_000)}`;
    return this.#pick(HOSTILE);
  }

  #double(name: string): string {
    const random = this.#random;
    const kind = this.#random();
    if (/longitude/.test(name)) return kind < 0.9 ? `${(random() * 380 - 190).toFixed(below(random, 8))}` : "15";
    if (/latitude/.test(name)) return kind < 0.9 ? `${(random() * 176 - 88).toFixed(below(random, 8))}` : "38";
    if (/radius|width|height/.test(name)) {
      return kind < 0.9 ? `${(10 ** (below(random, 9) - 1) * random()).toPrecision(4)}` : this.#pick(HOSTILE);
    }
    const bound = this.#chance(0.2) ? "(" : "";
    if (kind < 0.5) return `${bound}${below(random, 60) - 30}`;
    if (kind < 0.7) return `${bound}${(random() * 200 - 50).toPrecision(1 + below(random, 17))}`;
    if (kind < 0.85) return this.#pick(["-inf", "+inf", "inf", "(-inf", "(inf", "-Infinity", "(0", "-0"]);
    return kind < 0.9 ? `${bound}${this.#pick(HOSTILE)}` : `${bound}${(random() * 1e10).toExponential()}`;
  }

  #pattern(name: string): string {
    if (this.#command.name === "sort_ro") return this.#sortPattern(name);
    const kind = this.#random();
    if (kind < 0.3) return this.#pick(["*", "m*", "*1*", "?", "??", "s*:*", "[a-m]*", "*:1?", "string:*", "1*"]);
    if (kind < 0.4) return this.#member();
    let pattern = "";
    for (let parts = below(this.#random, 7); parts >= 0; parts--) {
      pattern += this.#pick([
        "*",
        "?",
        "[",
        "]",
        "^",
        "-",
        "\\",
        "[a-z]",
        "[^0-5]",
        "[z-a]",
        "[]",
        "m",
        "1",
        ":",
        "s",
        "\0",
      ]);
    }
    return pattern;
  }

  #sortPattern(name: string): string {
    const patterns = ["w_*", "h_*->w", "h_*->n", "nosort", "*", "w_*x*", "h_*->", "->", "string:*", "", "w_\\*", "#*"];
    return this.#chance(0.8) ? this.#pick(name === "get-pattern" ? ["#", ...patterns] : patterns) : this.#pick(HOSTILE);
  }

  #member(): string {
    const kind = this.#random();
    if (kind < 0.75 && this.#key.members.length > 0) return this.#pick(this.#key.members);
    return kind < 0.95 ? stockWord(this.#random) : this.#pick(HOSTILE);
  }

  #streamId(): string {
    const kind = this.#random();
    const open = this.#chance(0.15) ? "(" : "";
    if (kind < 0.5) return open + this.#member();
    if (kind < 0.6) return open + (this.#member().split("-")[0] as string);
    if (kind < 0.7) return this.#pick(["-", "+", "-", "+", "$", ">", "0", "0-0", "(-", "(+", "*", "5-*"]);
    if (kind < 0.9) return `${open}${below(this.#random, 2000)}-${below(this.#random, 300)}`;
    return open + this.#pick([...HOSTILE, "18446744073709551615-18446744073709551615", "18446744073709551615", "0-1"]);
  }

  #text(name: string): string {
    const { row, name: command } = this.#command;
    if (row.group === "stream") return this.#streamText(name);
    if (command === "zrange" && this.#chance(0.5)) return this.#integer(name);
    if (command === "zrange" && this.#chance(0.4)) return this.#double(name);
    if (row.group === "sorted-set" && /^(min|max|start|stop)$/.test(name)) {
      return this.#chance(0.25) ? this.#pick(["-", "+", "-", "+", "(", "["]) : this.#pick(["[", "("]) + this.#member();
    }
    if (name === "encoding") {
      const bits = this.#chance(0.8) ? `${1 + below(this.#random, 64)}` : this.#pick(HOSTILE);
      return this.#pick(["u", "i", "u", "i", "U", "I", "x", ""]) + bits;
    }
    if (name === "offset") return this.#chance(0.2) ? `#${below(this.#random, 40)}` : this.#integer(name);
    if (name === "type") {
      return this.#pick(["string", "LIST", "set", "zset", "hash", "stream", "module", "nope", ""]);
    }
    if (row.group === "server" || row.group === "connection") return this.#serverText(name);
    return this.#member();
  }

  #streamText(name: string): string {
    if (name === "group" || name === "consumer") {
      const names = name === "group" ? this.#key.consumerGroups : ["alice", "bob", "\xff"];
      return this.#chance(0.85) && names.length > 0 ? this.#pick(names) : this.#pick(["nope", "", "g1", "alice"]);
    }
    return this.#streamId();
  }

  #serverText(name: string): string {
    if (name === "command") return this.#pick(FUZZ_COMMANDS).words.join(" ");
    if (name === "parameter") return this.#pick(["port", "*", "max*", "save", "nope", "SAVE", "hash-max-*", "[", ""]);
    if (name === "command-name") return this.#pick([...FUZZ_COMMANDS.map((one) => one.name), "nope", "set", ""]);
    const texts = ["", "x", "default", "a b", "name", "127.0.0.1:1", "all", "read", "fast", "server", "keyspace"];
    return this.#chance(0.8) ? this.#pick(texts) : randomBytes(this.#random, 12);
  }

  #spoilt(words: readonly string[]): string[] {
    return spoilt(words, 0, {
      below: (n) => below(this.#random, n),
      token: () => this.#anyCase(this.#pick(TOKENS)),
      hostile: () => this.#pick(HOSTILE),
      key: () => this.#keyName(),
    });
  }
}

const WHOLE = /^[+-]?[0-9]+$/;

/** The request without what would write, wait for long, or ask for gigabytes of reply. */
function harmless(command: FuzzCommand, words: string[]): string[] {
  const { name } = command;
  const stale = name === "pfcount" ? words : words.map((word) => (word.startsWith(STALE_COUNT) ? "missing" : word));
  switch (name) {
    case "georadius":
    case "georadiusbymember":
      return stale.map((word) => (/^store/i.test(word) ? "ASC" : word));
    case "lcs":
      return stale.map((word) => (isBig(word) ? "missing" : word));
    case "xread":
      return stale.map((word, i) => {
        const waits = /^block$/i.test(stale[i - 1] ?? "") && WHOLE.test(word) && !word.startsWith("-");
        return waits && BigInt(word) < 2n ** 63n ? "1" : word;
      });
    case "hrandfield":
    case "srandmember":
    case "zrandmember":
      return stale.map((word) =>
        WHOLE.test(word) && Number(word) < -500 && word !== "-9223372036854775808" && Number(word) > -9.2234e18
          ? "-37"
          : word,
      );
    default:
      return stale;
  }
}

/** Fisher and Yates's: as many draws as elements, so that a seed gives the same run again (a sort by chance does not). */
function shuffle<T>(elements: T[], random: () => number): void {
  for (let i = elements.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [elements[i], elements[j]] = [elements[j] as T, elements[i] as T];
  }
}
