/**
 * Ranges of a sorted set, as arguments give them.
 *
 *   by score   1.5   (1.5   -inf   +inf        "(" leaves the bound itself out
 *   by lex     [a    (a     -      +           "-" and "+" lie before and after every member
 */
import { parseLooseDouble } from "../util/parse-double.ts";
import { binaryBytes, type Span } from "../util/span.ts";

export class ScoreRange {
  private constructor(
    readonly min: number,
    readonly minOpen: boolean,
    readonly max: number,
    readonly maxOpen: boolean,
  ) {}

  /** From the texts of both bounds (binary strings); null when one is not a number. */
  static parse(min: string, max: string): ScoreRange | null {
    const minOpen = min.startsWith("(");
    const maxOpen = max.startsWith("(");
    const low = parseLooseDouble(minOpen ? min.slice(1) : min);
    const high = parseLooseDouble(maxOpen ? max.slice(1) : max);
    if (low === undefined || high === undefined) return null;
    return new ScoreRange(low, minOpen, high, maxOpen);
  }

  static of(min: number, minOpen: boolean, max: number, maxOpen: boolean): ScoreRange {
    return new ScoreRange(min, minOpen, max, maxOpen);
  }

  /** min ≤ score < max. */
  static between(min: number, max: number): ScoreRange {
    return new ScoreRange(min, false, max, true);
  }

  /** Whether `score` lies below the range. */
  below(score: number): boolean {
    return this.minOpen ? score <= this.min : score < this.min;
  }

  /** Whether `score` lies above the range. */
  above(score: number): boolean {
    return this.maxOpen ? score >= this.max : score > this.max;
  }
}

interface LexBound {
  /** −1 before, 1 after every member; 0: at `bytes`. */
  readonly infinite: -1 | 0 | 1;
  readonly bytes: Uint8Array;
  readonly open: boolean;
}

export class LexRange {
  private constructor(
    readonly min: LexBound,
    readonly max: LexBound,
  ) {}

  /** From the texts of both bounds (binary strings); null when one begins with none of "[", "(", "-", "+". */
  static parse(min: string, max: string): LexRange | null {
    const low = parseBound(min);
    const high = parseBound(max);
    return low === null || high === null ? null : new LexRange(low, high);
  }

  /** True when no member can lie in the range, whatever the set. */
  get empty(): boolean {
    const { min, max } = this;
    if (min.infinite !== 0 || max.infinite !== 0) return min.infinite >= max.infinite;
    const order = Buffer.compare(min.bytes, max.bytes);
    return order > 0 || (order === 0 && (min.open || max.open));
  }

  /** Whether the member lies before the range. */
  below(member: Span): boolean {
    const { infinite, bytes, open } = this.min;
    if (infinite !== 0) return infinite > 0;
    const order = member.compare(bytes, 0, bytes.length);
    return open ? order <= 0 : order < 0;
  }

  /** Whether the member lies after the range. */
  above(member: Span): boolean {
    const { infinite, bytes, open } = this.max;
    if (infinite !== 0) return infinite < 0;
    const order = member.compare(bytes, 0, bytes.length);
    return open ? order >= 0 : order > 0;
  }
}

const NO_BYTES = new Uint8Array(0);

function parseBound(text: string): LexBound | null {
  switch (text[0]) {
    case "-":
    case "+": {
      // Redis compares as a C string: what follows a NUL byte does not count.
      if (text.length > 1 && text[1] !== "\0") return null;
      return { infinite: text[0] === "-" ? -1 : 1, bytes: NO_BYTES, open: true };
    }
    case "(":
    case "[":
      return { infinite: 0, bytes: binaryBytes(text.slice(1)), open: text[0] === "(" };
    default:
      return null;
  }
}
