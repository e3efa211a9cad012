/**
 * The arguments of a row, from a line of syntax as manuals write it.
 *
 *   key value [(NX | XX)] [GET] [(EX seconds:integer | KEEPTTL)]     [GET pattern:pattern]...
 *
 * Upper case is a token, alone or in front of the argument it names; [] optional; (a | b) one of; ... repeated;
 * name:type where the type is not plain from the name (key names are keys).
 */
import type { ArgumentType, CommandArgument } from "./table.ts";

const KEY_NAMES: ReadonlySet<string> = new Set(["key", "newkey", "source", "destination", "destkey", "sourcekey"]);
const INTEGER_NAMES: ReadonlySet<string> = new Set([
  "numkeys",
  "count",
  "seconds",
  "milliseconds",
  "index",
  "start",
  "stop",
]);

type Draft = { -readonly [K in keyof CommandArgument]: CommandArgument[K] };

/** `keySpecs`: how many key specs the row has; key arguments refer to them in order, the last one for all that follow. */
export function syntax(line: string, keySpecs = 1): readonly CommandArgument[] {
  const tokens = line.match(/\.\.\.|[[\]()|]|[^\s[\]()|.]+/g) ?? [];
  return new SyntaxReader(tokens, keySpecs).sequence();
}

class SyntaxReader {
  readonly #tokens: readonly string[];
  readonly #keySpecs: number;
  #at = 0;
  #keys = 0;

  constructor(tokens: readonly string[], keySpecs: number) {
    this.#tokens = tokens;
    this.#keySpecs = keySpecs;
  }

  sequence(): CommandArgument[] {
    const found: CommandArgument[] = [];
    while (this.#at < this.#tokens.length && !"])|".includes(this.#tokens[this.#at] as string)) {
      const argument = this.#element();
      if (this.#tokens[this.#at] === "...") {
        this.#at++;
        argument.multiple = true;
        if (argument.optional && argument.token !== undefined) argument.multipleToken = true;
      }
      found.push(argument);
    }
    return found;
  }

  #element(): Draft {
    const token = this.#tokens[this.#at++] as string;
    if (token === "[") return { ...this.#group("]"), optional: true };
    if (token === "(") return this.#group(")");
    if (!/^[A-Z*=~$]/.test(token)) return this.#named(token);
    const next = this.#tokens[this.#at];
    if (next === "(") {
      this.#at++;
      return { ...this.#group(")"), token };
    }
    if (next !== undefined && /^[a-z]/.test(next)) {
      this.#at++;
      return { ...this.#named(next), token };
    }
    return { name: token.toLowerCase(), type: "pure-token", token };
  }

  /** What stands before `close`: one argument, a block of several, or one of several. */
  #group(close: string): Draft {
    const alternatives = [this.#block()];
    while (this.#tokens[this.#at] === "|") {
      this.#at++;
      alternatives.push(this.#block());
    }
    if (this.#tokens[this.#at++] !== close) throw new Error(`syntax: no ${close} in ${this.#tokens.join(" ")}`);
    if (alternatives.length === 1) return alternatives[0] as Draft;
    return { name: alternatives.map((one) => one.name).join("-or-"), type: "oneof", arguments: alternatives };
  }

  #block(): Draft {
    const inner = this.sequence();
    if (inner.length === 1) return inner[0] as Draft;
    return { name: inner.map((one) => one.name).join("-"), type: "block", arguments: inner };
  }

  #named(word: string): Draft {
    const [name = "", explicit] = word.split(":");
    const type = (explicit ?? defaultType(name)) as ArgumentType;
    if (type !== "key") return { name, type };
    return { name, type, keySpec: Math.min(this.#keys++, this.#keySpecs - 1) };
  }
}

function defaultType(name: string): ArgumentType {
  if (KEY_NAMES.has(name)) return "key";
  return INTEGER_NAMES.has(name) ? "integer" : "string";
}
