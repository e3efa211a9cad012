/** MAXLEN, MINID and LIMIT of XADD and XTRIM, and trimming by them. */
import { EntryId } from "../encodings/entry-id.ts";
import type { NativeStream } from "../overlay/encodings/stream.ts";
import type { Context } from "./context.ts";
import { liveLimits } from "./encoding-limits.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";
import { invalidId, isWord, parseStrictId } from "./streams-support.ts";

const STAR = 42;
const APPROXIMATELY = 126;
const EXACTLY = 61;
const NODES_MAX = 100;
const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 1_000_000;

/** What a request says: one object, set anew by each. */
export class TrimOptions {
  by: "none" | "length" | "id" = "none";
  maxLength = 0;
  readonly minId = new EntryId();
  isApproximate = false;
  /** Entries to be removed at most; 0: any number. */
  limit = 0;
  /** XADD: the ID; only its first half counts with `isAnySequence`, nothing with `isAny`. */
  readonly id = new EntryId();
  isAny = false;
  isAnySequence = false;
  /** XADD: a key that does not exist is not made. */
  noMakeStream = false;

  /** Reads the options from argument 2 on; the index of XADD's ID. Throws ReplyError. */
  parse(c: Context, isAdd: boolean): number {
    this.by = "none";
    this.isApproximate = this.isAny = this.isAnySequence = this.noMakeStream = false;
    this.limit = 0;
    if (isAdd && isWord(c, 2, STAR)) {
      this.isAny = true;
      return 2;
    }
    return this.#parseAll(c, isAdd);
  }

  #parseAll(c: Context, isAdd: boolean): number {
    const { args } = c;
    let hasLimit = false;
    let i = 2;
    for (; i < args.count; i++) {
      const hasMore = i + 1 < args.count;
      if (isAdd && isWord(c, i, STAR)) {
        this.isAny = true;
        break;
      }
      if (hasMore && args.is(i, "MAXLEN")) i = this.#parseLength(c, i);
      else if (hasMore && args.is(i, "MINID")) i = this.#parseMinId(c, i);
      else if (hasMore && args.is(i, "LIMIT")) {
        this.limit = integer(c, ++i);
        if (this.limit < 0) throw new ReplyError("ERR The LIMIT argument must be >= 0.");
        hasLimit = true;
      } else if (isAdd && args.is(i, "NOMKSTREAM")) this.noMakeStream = true;
      else if (isAdd) {
        this.#parseId(c, i);
        break;
      } else throw syntaxError();
    }
    this.#checkLimit(c, isAdd, hasLimit);
    return i;
  }

  #parseLength(c: Context, at: number): number {
    const i = this.#begin(c, at);
    this.maxLength = integer(c, i);
    if (this.maxLength < 0) throw new ReplyError("ERR The MAXLEN argument must be >= 0.");
    this.by = "length";
    return i;
  }

  #parseMinId(c: Context, at: number): number {
    const i = this.#begin(c, at);
    parseStrictId(c, i, this.minId);
    this.by = "id";
    return i;
  }

  /** The index of the threshold behind the word at `at`. */
  #begin(c: Context, at: number): number {
    if (this.by !== "none") {
      throw new ReplyError("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    }
    const hasTwo = at + 2 < c.args.count;
    this.isApproximate = hasTwo && isWord(c, at + 1, APPROXIMATELY);
    return this.isApproximate || (hasTwo && isWord(c, at + 1, EXACTLY)) ? at + 2 : at + 1;
  }

  #parseId(c: Context, i: number): void {
    const { bytes, starts, lengths } = c.args;
    const start = starts[i] as number;
    const length = lengths[i] as number;
    if (this.id.parse(bytes, start, length, false, true)) return;
    if (!this.id.parseAnySequence(bytes, start, length)) throw invalidId();
    this.isAnySequence = true;
  }

  #checkLimit(c: Context, isAdd: boolean, hasLimit: boolean): void {
    if (this.limit > 0 && this.by === "none") {
      throw new ReplyError("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    }
    if (!isAdd && this.by === "none") {
      throw new ReplyError("ERR syntax error, XTRIM must be called with a trimming strategy");
    }
    if (hasLimit) {
      if (this.isApproximate) return;
      throw new ReplyError("ERR syntax error, LIMIT cannot be used without the special ~ option");
    }
    if (!this.isApproximate) return;
    const limit = NODES_MAX * liveLimits(c.server.config)["stream-node-max-entries"];
    this.limit = limit <= 0 ? LIMIT_DEFAULT : Math.min(limit, LIMIT_MAX);
  }

  /** Trims the stream, by `nodesMax` nodes at most (see NativeStream.isTrimmed); how many entries it has lost. */
  trim(stream: NativeStream, nodesMax = Number.POSITIVE_INFINITY): number {
    const { by, isApproximate, limit } = this;
    if (by === "none") return 0;
    return by === "length"
      ? stream.trimToLength(this.maxLength, isApproximate, limit, nodesMax)
      : stream.trimToId(this.minId, isApproximate, limit, nodesMax);
  }
}
