/**
 * What a configuration directive is: its name, its form, its default, and what it means to Folio.
 *
 * Values are kept as the text that CONFIG GET answers ("yes", "67108864", "normal 0 0 0 slave …"); a directive's form
 * turns the words of a configuration line into that text, or throws ConfigError with Redis's words for what is wrong.
 */

/**
 * "used": Folio does what the directive says. "later": accepted, without effect in this version (writing, saving,
 * replication, cluster). "unneeded": accepted; it tunes a part that Folio does not have.
 */
export type Meaning = "used" | "later" | "unneeded";

export interface Directive {
  readonly name: string;
  /** Older name that Redis still takes and CONFIG GET still lists. */
  readonly alias?: string;
  readonly initial: string;
  readonly meaning: Meaning;
  /** Cannot be changed while the server runs. */
  readonly fixed: boolean;
  /** Not listed by CONFIG GET with a pattern. */
  readonly hidden: boolean;
  /** Never shown in errors or the log. */
  readonly secret: boolean;
  /** The text to keep for these words; `previous` is "" while nothing has been given. Throws ConfigError. */
  readonly parse: (words: readonly string[], previous: string) => string;
}

interface Options {
  alias?: string;
  fixed?: boolean;
  hidden?: boolean;
  secret?: boolean;
}

/** What is wrong with the words of a directive, in Redis's words where Redis has them. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export const I32_MIN = -2147483648;
export const I32_MAX = 2147483647;
export const U32_MAX = 4294967295;
export const I64_MAX = 9223372036854775807n;

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
  options: Options = {},
): Directive {
  return { fixed: false, hidden: false, secret: false, ...options, name, initial, meaning, parse };
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

/** A whole number between `min` and `max`, both included. */
export function int(
  name: string,
  initial: string,
  meaning: Meaning,
  min: number | bigint,
  max: number | bigint,
  options?: Options,
): Directive {
  const parse = (words: readonly string[]) => {
    const word = single(words);
    if (!/^-?(0|[1-9]\d{0,18})$/.test(word)) throw new ConfigError("argument couldn't be parsed into an integer");
    const value = BigInt(word);
    if (value < min || value > max) throw new ConfigError(`argument must be between ${min} and ${max} inclusive`);
    return value.toString();
  };
  return directive(name, initial, meaning, parse, options);
}

/** A size in bytes: digits and an optional unit (k kb m mb g gb); kept as plain bytes. */
export function memory(
  name: string,
  initial: string,
  meaning: Meaning,
  options: Options & { percent?: boolean } = {},
): Directive {
  const { percent = false, ...rest } = options;
  const parse = (words: readonly string[]) => {
    const word = single(words);
    if (percent && /^\d{1,3}%$/.test(word) && Number.parseInt(word, 10) <= 100) return word;
    const bytes = memoryBytes(word);
    if (bytes === null) throw new ConfigError(`argument must be a memory ${percent ? "or percent " : ""}value`);
    return bytes.toString();
  };
  return directive(name, initial, meaning, parse, rest);
}

/** "64mb" → 67108864n; null when the word is no size. */
export function memoryBytes(word: string): bigint | null {
  const match = /^(\d{1,20})([a-z]*)$/i.exec(word);
  if (match === null) return null;
  const unit = MEMORY_UNITS[(match[2] as string).toLowerCase()];
  if (unit === undefined) return null;
  const bytes = BigInt(match[1] as string) * unit;
  return bytes <= 18446744073709551615n ? bytes : null;
}

/** One of a few words; `several` takes more than one of them. */
export function choice(
  name: string,
  initial: string,
  meaning: Meaning,
  choices: readonly string[],
  options: Options & { several?: boolean } = {},
): Directive {
  const { several = false, ...rest } = options;
  const parse = (words: readonly string[]) => {
    if (!several) single(words);
    const chosen = words.flatMap((word) => word.split(" ")).map((word) => word.toLowerCase());
    if (chosen.length === 0 || chosen.some((word) => !choices.includes(word))) {
      throw new ConfigError(`argument(s) must be one of the following: ${choices.join(", ")}`);
    }
    return chosen.join(" ");
  };
  return directive(name, initial, meaning, parse, rest);
}

/** Any text. */
export function text(name: string, initial: string, meaning: Meaning, options?: Options): Directive {
  return directive(name, initial, meaning, single, options);
}

/** File permissions in octal. */
export function octal(name: string, initial: string, meaning: Meaning, options?: Options): Directive {
  const parse = (words: readonly string[]) => {
    const word = single(words);
    if (!/^[0-7]{1,4}$/.test(word)) throw new ConfigError("argument couldn't be parsed as an octal number");
    return Number.parseInt(word, 8).toString(8);
  };
  return directive(name, initial, meaning, parse, options);
}

/** A form of its own: see special.ts. */
export function special(
  name: string,
  initial: string,
  meaning: Meaning,
  parse: Directive["parse"],
  options?: Options,
): Directive {
  return directive(name, initial, meaning, parse, options);
}
