/**
 * The server's configuration: what was given, over the defaults. Values are kept as the text CONFIG GET answers
 * (binary strings: one character a byte).
 */

import type { ConfigAsker, Config as ConfigForCommands } from "../../commands/context.ts";
import { ReplyError } from "../../commands/errors.ts";
import { Glob } from "../../util/glob.ts";
import { binaryBytes } from "../../util/span.ts";
import { ConfigError, type Directive } from "./directive.ts";
import { FatalConfigError, reason } from "./load.ts";
import { nearest } from "./nearest.ts";
import { rewriteFile } from "./rewrite.ts";
import { DIRECTIVES } from "./table.ts";
import { splitWords } from "./words.ts";

/** Directives that are read as lines of their own and have no value. */
const LINES_WITHOUT_VALUE = new Set(["rename-command", "user", "loadmodule", "sentinel"]);

/** Directives that Redis has given up: taken, and without any effect. */
const GIVEN_UP = new Set(["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"]);

interface Follower {
  readonly names: ReadonlySet<string>;
  readonly listener: (changed: readonly string[]) => void;
}

/** A directive as it was named in CONFIG SET, and the value that it is given. */
interface Wish {
  readonly directive: Directive;
  /** In lower case; an alias stays one. */
  readonly name: string;
  readonly value: string;
}

export class Config implements ConfigForCommands {
  readonly #directives = new Map<string, Directive>();
  readonly #values = new Map<string, string>();
  readonly #given = new Set<string>();
  readonly #numbers = new Map<string, number>();
  readonly #followers: Follower[] = [];
  /** `rename-command`, `user` and `loadmodule` lines, name first. */
  readonly lines: (readonly string[])[] = [];
  /** The file that CONFIG REWRITE writes, an absolute path; "" for none. */
  file = "";
  /** The working directory that the file was read in: its relative paths start there. */
  readonly directory: string;
  readonly #isDraft: boolean;

  /** A draft is only read into: what its values name on this machine need not exist. */
  constructor(directory = process.cwd(), isDraft = false) {
    this.directory = directory;
    this.#isDraft = isDraft;
    for (const directive of DIRECTIVES) {
      this.#directives.set(directive.name, directive);
      if (directive.alias !== undefined) this.#directives.set(directive.alias, directive);
      this.#values.set(directive.name, directive.initial);
    }
    this.#values.set("dir", Buffer.from(directory, "utf8").toString("latin1"));
  }

  /** Takes a line's words; throws ConfigError, the text in Redis's words where Redis has the same error. */
  load(name: string, words: readonly string[]): void {
    const lower = name.toLowerCase();
    if (LINES_WITHOUT_VALUE.has(lower)) {
      this.lines.push([lower, ...words]);
      return;
    }
    const directive = this.#directives.get(lower);
    if (directive === undefined) {
      if (GIVEN_UP.has(lower) && words.length === 1) return;
      throw new ConfigError(unknownDirective(name, [...this.#directives.keys()]));
    }
    const isFirst = !this.#given.has(directive.name);
    const previous = directive.addsUp && isFirst ? "" : this.get(directive.name);
    this.#put(directive, directive.parse(directive.several ? parted(words) : words, previous));
    this.#given.add(directive.name);
  }

  /** CONFIG SET: all of them or none. Throws ReplyError. */
  set(pairs: readonly (readonly [name: string, value: string])[], asker: ConfigAsker): void {
    const wishes = this.#wishes(pairs, asker);
    const before = new Map(this.#values);
    for (const { directive, name, value } of wishes) {
      try {
        const words = directive.several ? (value === "" ? [] : value.split(" ")) : [value];
        this.#put(directive, directive.parse(words, directive.addsUp ? "" : this.get(directive.name)));
      } catch (error) {
        this.#restore(before);
        throw refused(name, error);
      }
    }
    const changed = [...new Set(wishes.map((wish) => wish.directive.name))];
    this.#announce(
      changed.filter((name) => before.get(name) !== this.#values.get(name)),
      before,
    );
  }

  /** The directives that are named, if all of them may be set now. */
  #wishes(pairs: readonly (readonly [name: string, value: string])[], asker: ConfigAsker): Wish[] {
    const wishes: Wish[] = [];
    for (const [given, value] of pairs) {
      const name = given.toLowerCase();
      const directive = this.#directives.get(name);
      if (directive === undefined) {
        throw new ReplyError(`ERR Unknown option or number of arguments for CONFIG SET - '${given}'`);
      }
      if (directive.repeatable && value === this.get(directive.name)) continue;
      if (directive.fixed) throw refused(given, new ConfigError("can't set immutable config"));
      if (directive.guarded && !this.allows("enable-protected-configs", asker.isLocal)) {
        throw refused(given, new ConfigError("can't set protected config"));
      }
      if (directive.settled && asker.isLoading) {
        throw new ReplyError("LOADING Redis is loading the dataset in memory");
      }
      if (wishes.some((wish) => wish.name === name)) throw refused(given, new ConfigError("duplicate parameter"));
      wishes.push({ directive, name, value });
    }
    return wishes;
  }

  /** Tells who follows one of the directives; where one refuses, all is as before, and who was told is told again. */
  #announce(changed: readonly string[], before: ReadonlyMap<string, string>): void {
    const told: [Follower, string[]][] = [];
    for (const follower of this.#followers) {
      const names = changed.filter((name) => follower.names.has(name));
      if (names.length === 0) continue;
      told.push([follower, names]);
      try {
        follower.listener(names);
      } catch (error) {
        this.#restore(before);
        for (const [{ listener }, names] of told) quietly(listener, names);
        throw refused(names[0] as string, error);
      }
    }
  }

  onChange(names: readonly string[], listener: (changed: readonly string[]) => void): void {
    const known = names.map((name) => {
      const directive = this.#directives.get(name);
      if (directive === undefined) throw new Error(`no such directive: ${name}`);
      return directive.name;
    });
    this.#followers.push({ names: new Set(known), listener });
  }

  /** CONFIG REWRITE; `all`: of what has its default value, too. Throws ReplyError; the file is then as it was. */
  rewrite(all = false): void {
    if (this.file === "") throw new ReplyError("ERR The server is running without a config file");
    try {
      rewriteFile(this.file, this, () => new Config(this.directory, true), all);
    } catch (error) {
      const why = error instanceof FatalConfigError ? `${error.brief}: nothing was written` : reason(error);
      throw new ReplyError(`ERR Rewriting config file: ${why}`);
    }
  }

  #put(directive: Directive, value: string): void {
    if (!this.#isDraft) directive.probe?.(value);
    this.#values.set(directive.name, value);
    this.#numbers.delete(directive.name);
  }

  #restore(values: ReadonlyMap<string, string>): void {
    for (const [name, value] of values) this.#values.set(name, value);
    this.#numbers.clear();
  }

  isSecret(name: string): boolean {
    return this.directive(name)?.secret ?? false;
  }

  /** What a directive of no, yes and local (enable-debug-command, …) says of a client. */
  allows(name: string, isLocal: boolean): boolean {
    const value = this.get(name);
    return value === "yes" || (value === "local" && isLocal);
  }

  directive(name: string): Directive | undefined {
    return this.#directives.get(name.toLowerCase());
  }

  /** The value's text; the name is one of the table's (a programmer's error otherwise). */
  get(name: string): string {
    const value = this.#values.get(name) ?? this.#values.get(this.#directives.get(name)?.name ?? "");
    if (value === undefined) throw new Error(`no such directive: ${name}`);
    return value;
  }

  /** A yes-or-no directive. */
  flag(name: string): boolean {
    return this.get(name) === "yes";
  }

  /** A number or a size in bytes; beyond 2^53 rounded. */
  number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = Number(this.get(name));
      this.#numbers.set(name, number);
    }
    return number;
  }

  /** A path or other text that leaves the process: the bytes read as UTF-8. */
  path(name: string): string {
    return Buffer.from(this.get(name), "latin1").toString("utf8");
  }

  /** Was the directive given, in a file or on the command line? */
  given(name: string): boolean {
    return this.#given.has(name);
  }

  /** Names that were given and have this meaning, in the table's order. */
  givenWithMeaning(meaning: Directive["meaning"]): string[] {
    return DIRECTIVES.filter((d) => d.meaning === meaning && this.#given.has(d.name)).map((d) => d.name);
  }

  /**
   * CONFIG GET: name and value of the directives (and aliases) that are named, or that a glob pattern matches, case ignored.
   * What is named without a pattern keeps the letters it was named with.
   */
  matching(patterns: readonly string[]): [name: string, value: string][] {
    const globs: Glob[] = [];
    const found = new Map<string, [name: string, value: string]>();
    for (const pattern of patterns) {
      const lower = pattern.toLowerCase();
      const exact = this.#directives.get(lower);
      if (/[*?[]/.test(pattern)) globs.push(new Glob(binaryBytes(pattern), 0, pattern.length, true));
      else if (exact !== undefined && !found.has(lower)) found.set(lower, [pattern, this.get(exact.name)]);
    }
    if (globs.length === 0) return [...found.values()];
    for (const [name, directive] of this.#directives) {
      if (directive.hidden || found.has(name)) continue;
      const bytes = binaryBytes(name);
      if (globs.some((glob) => glob.matches(bytes, 0, bytes.length))) {
        found.set(name, [name, this.get(directive.name)]);
      }
    }
    return [...found.values()];
  }
}

/** The words of a directive that takes several: one that stands alone may hold them all. */
function parted(words: readonly string[]): readonly string[] {
  if (words.length !== 1 || words[0] === "") return words;
  const inner = splitWords(words[0] as string);
  if (inner === null) throw new ConfigError("Unbalanced quotes in configuration line");
  return inner;
}

/** CONFIG SET's error for what is wrong with a directive; other errors are mistakes of ours and stay what they are. */
function refused(name: string, error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  return new ReplyError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${error.message}`);
}

/** Has the listener follow values that are back. It has logged what it could not do. */
function quietly(listener: Follower["listener"], changed: readonly string[]): void {
  try {
    listener(changed);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}

function unknownDirective(name: string, known: readonly string[]): string {
  const close = nearest(name.toLowerCase(), known);
  const hint = close.length === 0 ? "" : `. Did you mean ${close.map((n) => `'${n}'`).join(" or ")}?`;
  return `Bad directive or wrong number of arguments: there is no directive '${name}'${hint}`;
}
