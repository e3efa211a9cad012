/**
 * What a configuration directive is: its name, its form, its default, and what it means to Folio.
 *
 * Values are kept as the text that CONFIG GET answers ("yes", "67108864", "normal 0 0 0 slave …"); a directive's form
 * turns the words of a configuration line into that text, or throws ConfigError with Redis's words for what is wrong.
 */
import { quoted } from "./words.ts";

/**
 * "used": Folio does what the directive says. "later": accepted, without effect in this version (append-only file,
 * replication, cluster, TLS, notifications). "unneeded": accepted; it tunes a part that Folio does not have.
 */
export type Meaning = "used" | "later" | "unneeded";

/** One line of a file that says a value, without the directive's name. */
export interface Line {
  readonly words: string;
  /** The default says the same: the line need not be there. */
  readonly isDefault: boolean;
}

export interface Directive {
  readonly name: string;
  /** Older name that Redis still takes and CONFIG GET still lists. */
  readonly alias?: string;
  readonly initial: string;
  readonly meaning: Meaning;
  /** Cannot be changed while the server runs. */
  readonly fixed: boolean;
  /** Fixed, but CONFIG SET takes the value it has: tools write back all that CONFIG GET lists, and do not know this one. */
  readonly repeatable: boolean;
  /** Not listed by CONFIG GET with a pattern. */
  readonly hidden: boolean;
  /** Never shown in errors, the log or the slow log. */
  readonly secret: boolean;
  /** CONFIG SET changes it only where enable-protected-configs allows that. */
  readonly guarded: boolean;
  /** CONFIG SET does not change it while the snapshot is loaded. */
  readonly settled: boolean;
  /** Takes several words; in CONFIG SET they are parted by single blanks. */
  readonly several: boolean;
  /** The lines of a file add up. */
  readonly addsUp: boolean;
  /** The text to keep for these words; `previous`: the text they change or add to. Throws ConfigError. */
  readonly parse: (words: readonly string[], previous: string) => string;
  /** Throws ConfigError when the value names what this machine does not have. */
  readonly probe?: (value: string) => void;
  /** The lines of a configuration file that say the value; none: by no line at all. */
  readonly written: (value: string) => readonly Line[];
}

type Form = Pick<Directive, "several" | "addsUp" | "written" | "probe">;

interface Options {
  alias?: string;
  fixed?: boolean;
  repeatable?: boolean;
  hidden?: boolean;
  secret?: boolean;
  guarded?: boolean;
  settled?: boolean;
}

/** What is wrong with the words of a directive, in Redis's words where Redis has them. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export const I32_MIN = -2147483648;
export const I32_MAX = 2147483647;
export const U32_MAX = 4294967295;
export const I64_MAX = 9223372036854775807n;
export const U64_MAX = 18446744073709551615n;

const MEMORY_UNITS: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  k: 1000n,
  kb: 1n << 10n,
  m: 1000n ** 2n,
  mb: 1n << 20n,
  g: 1000n ** 3n,
  gb: 1n << 30n,
};

function directive(
  name: string,
  initial: string,
  meaning: Meaning,
  parse: Directive["parse"],
  options: Options & Partial<Form> = {},
): Directive {
  const off = {
    fixed: false,
    repeatable: false,
    hidden: false,
    secret: false,
    guarded: false,
    settled: false,
    several: false,
  };
  const written = (value: string) => [{ words: value, isDefault: value === initial }];
  return { ...off, addsUp: false, written, ...options, name, initial, meaning, parse };
}

/** The only word of a directive that takes one. */
export function single(words: readonly string[]): string {
  if (words.length !== 1) throw new ConfigError("wrong number of arguments");
  return words[0] as string;
}

/** yes or no. */
export function bool(name: string, initial: "yes" | "no", meaning: Meaning, options?: Options): Directive {
  const parse = (words: readonly string[]) => {
    const word = single(words).toLowerCase();
    if (word !== "yes" && word !== "no") throw new ConfigError("argument must be 'yes' or 'no'");
    return word;
  };
  return directive(name, initial, meaning, parse, options);
}

/** A whole number between `min` and `max`, both included; beyond `capped` (within them) it is kept as the nearer end. */
export function int(
  name: string,
  initial: string,
  meaning: Meaning,
  min: number | bigint,
  max: number | bigint,
  options: Options & { capped?: readonly [min: bigint, max: bigint] } = {},
): Directive {
  const { capped, ...rest } = options;
  const parse = (words: readonly string[]) => {
    const word = single(words);
    const value = /^(0|-?[1-9]\d{0,18})$/.test(word) ? BigInt(word) : null;
    if (value === null || BigInt.asIntN(64, value) !== value) {
      throw new ConfigError("argument couldn't be parsed into an integer");
    }
    if (value < min || value > max) throw outOfRange(min, max);
    if (capped !== undefined && value < capped[0]) return capped[0].toString();
    if (capped !== undefined && value > capped[1]) return capped[1].toString();
    return value.toString();
  };
  return directive(name, initial, meaning, parse, rest);
}

function outOfRange(min: number | bigint | string, max: number | bigint | string): ConfigError {
  return new ConfigError(`argument must be between ${min} and ${max} inclusive`);
}

/** A size in bytes: digits and an optional unit (k kb m mb g gb), or with `percent` a share; kept as plain bytes, at least `floor`. */
export function memory(
  name: string,
  initial: string,
  meaning: Meaning,
  options: Options & { percent?: boolean; min?: bigint; max?: bigint; floor?: bigint } = {},
): Directive {
  const { percent = false, min = 0n, max = I64_MAX, floor = 0n, ...rest } = options;
  const parse = (words: readonly string[]) => {
    const word = single(words);
    if (percent && /^(0|[1-9]\d{0,17})%$/.test(word)) {
      if (BigInt(word.slice(0, -1)) > 100n) throw new ConfigError("percentage argument must be less or equal to 100");
      return word === "0%" ? "0" : word;
    }
    const bytes = memoryBytes(word);
    if (bytes === null) throw new ConfigError(`argument must be a memory ${percent ? "or percent " : ""}value`);
    if (bytes < min || bytes > max) throw outOfRange(min, max);
    return (bytes < floor ? floor : bytes).toString();
  };
  const written = (value: string) => [
    { words: value.endsWith("%") ? value : memoryText(value), isDefault: value === initial },
  ];
  return directive(name, initial, meaning, parse, { written, ...rest });
}

/** "64mb" → 67108864n; null when the word is no size. No digits are zero, as in Redis. */
export function memoryBytes(word: string): bigint | null {
  const match = /^(\d{0,20})([a-z]*)$/i.exec(word);
  if (match === null) return null;
  const unit = MEMORY_UNITS[(match[2] as string).toLowerCase()];
  if (unit === undefined) return null;
  const bytes = BigInt(match[1] as string) * unit;
  return bytes <= U64_MAX ? bytes : null;
}

/** "67108864" → "64mb": in the largest unit that divides it. */
export function memoryText(bytes: string): string {
  const count = BigInt(bytes);
  if (count === 0n) return "0";
  for (const unit of ["gb", "mb", "kb"]) {
    const size = MEMORY_UNITS[unit] as bigint;
    if (count % size === 0n) return `${count / size}${unit}`;
  }
  return bytes;
}

/** One of a few words; `synonyms` are taken for another one. */
export function choice(
  name: string,
  initial: string,
  meaning: Meaning,
  choices: readonly string[],
  options: Options & { synonyms?: Readonly<Record<string, string>> } = {},
): Directive {
  const { synonyms = {}, ...rest } = options;
  const parse = (words: readonly string[]) => {
    const word = (words[0] ?? "").toLowerCase();
    if (words.length !== 1 || !choices.includes(word)) throw notOneOf(choices);
    return synonyms[word] ?? word;
  };
  return directive(name, initial, meaning, parse, rest);
}

/** Any of a few words, each of which adds something to the first one, which means none; kept in the table's order. */
export function choices(
  name: string,
  meaning: Meaning,
  all: readonly [none: string, ...string[]],
  check: (chosen: ReadonlySet<string>) => string,
): Directive {
  const parse = (words: readonly string[]) => {
    const chosen = new Set(words.map((word) => word.toLowerCase()));
    if (chosen.size === 0 || [...chosen].some((word) => !all.includes(word))) throw notOneOf(all);
    const trouble = check(chosen);
    if (trouble !== "") throw new ConfigError(trouble);
    const kept = all.filter((word) => word !== all[0] && chosen.has(word));
    return kept.length === 0 ? all[0] : kept.join(" ");
  };
  return directive(name, all[0], meaning, parse, { several: true });
}

function notOneOf(choices: readonly string[]): ConfigError {
  return new ConfigError(`argument(s) must be one of the following: ${choices.join(", ")}`);
}

/**
 * Any text that `check` has nothing against ("", or what is wrong). An empty one means that there is none, and no line of a
 * file says it, unless `keepsEmpty`.
 */
export function text(
  name: string,
  initial: string,
  meaning: Meaning,
  options: Options & { keepsEmpty?: boolean; check?: (text: string) => string } = {},
): Directive {
  const { keepsEmpty = false, check, ...rest } = options;
  const parse = (words: readonly string[]) => {
    const word = single(words);
    const trouble = check?.(word) ?? "";
    if (trouble !== "") throw new ConfigError(trouble);
    return word;
  };
  const written = (value: string) =>
    value === "" && !keepsEmpty ? [] : [{ words: quoted(value), isDefault: value === initial }];
  return directive(name, initial, meaning, parse, { written, ...rest });
}

/** File permissions in octal. */
export function octal(name: string, initial: string, meaning: Meaning, options?: Options): Directive {
  const parse = (words: readonly string[]) => {
    const word = single(words);
    if (!/^[0-7]{0,20}$/.test(word)) throw new ConfigError("argument couldn't be parsed as an octal number");
    const bits = Number.parseInt(word || "0", 8);
    if (bits > 0o777) throw outOfRange("0", "777");
    return bits.toString(8);
  };
  return directive(name, initial, meaning, parse, options);
}

/** A form of its own: see special.ts. */
export function special(
  name: string,
  initial: string,
  meaning: Meaning,
  parse: Directive["parse"],
  options?: Options & Partial<Form>,
): Directive {
  return directive(name, initial, meaning, parse, options);
}
