/**
 * The server's configuration: what was given, over the defaults. Values are kept as the text CONFIG GET answers
 * (binary strings: one character a byte).
 */

import type { Config as ConfigForCommands } from "../../commands/context.ts";
import { Glob } from "../../util/glob.ts";
import { binaryBytes } from "../../util/span.ts";
import { ConfigError, type Directive } from "./directive.ts";
import { nearest } from "./nearest.ts";
import { DIRECTIVES } from "./table.ts";

/** Directives that are read as lines of their own and have no value. */
const LINES_WITHOUT_VALUE = new Set(["rename-command", "user", "loadmodule", "sentinel"]);

export class Config implements ConfigForCommands {
  readonly #directives = new Map<string, Directive>();
  readonly #values = new Map<string, string>();
  readonly #given = new Set<string>();
  readonly #numbers = new Map<string, number>();
  /** `rename-command`, `user` and `loadmodule` lines, name first. */
  readonly lines: (readonly string[])[] = [];

  constructor() {
    for (const directive of DIRECTIVES) {
      this.#directives.set(directive.name, directive);
      if (directive.alias !== undefined) this.#directives.set(directive.alias, directive);
      this.#values.set(directive.name, directive.initial);
    }
  }

  /** Takes a line's words; throws ConfigError, the text in Redis's words where Redis has the same error. */
  set(name: string, words: readonly string[]): void {
    const lower = name.toLowerCase();
    if (LINES_WITHOUT_VALUE.has(lower)) {
      this.lines.push([lower, ...words]);
      return;
    }
    const directive = this.#directives.get(lower);
    if (directive === undefined) throw new ConfigError(unknownDirective(name, [...this.#directives.keys()]));
    const previous = this.#given.has(directive.name) ? (this.#values.get(directive.name) as string) : "";
    this.#values.set(directive.name, directive.parse(words, previous));
    this.#given.add(directive.name);
    this.#numbers.delete(directive.name);
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

  /** Name and value of each directive (and alias) that one of the glob patterns matches, case ignored: CONFIG GET. */
  matching(patterns: readonly string[]): [name: string, value: string][] {
    const globs: Glob[] = [];
    const found = new Map<string, string>();
    for (const pattern of patterns) {
      const exact = this.#directives.get(pattern.toLowerCase());
      if (exact !== undefined) found.set(pattern.toLowerCase(), this.get(exact.name));
      else globs.push(new Glob(binaryBytes(pattern), 0, pattern.length, true));
    }
    if (globs.length === 0) return [...found];
    for (const [name, directive] of this.#directives) {
      const bytes = binaryBytes(name);
      if (directive.hidden || !globs.some((glob) => glob.matches(bytes, 0, bytes.length))) continue;
      found.set(name, this.get(directive.name));
    }
    return [...found];
  }
}

function unknownDirective(name: string, known: readonly string[]): string {
  const close = nearest(name.toLowerCase(), known);
  const hint = close.length === 0 ? "" : `. Did you mean ${close.map((n) => `'${n}'`).join(" or ")}?`;
  return `Bad directive or wrong number of arguments: there is no directive '${name}'${hint}`;
}
