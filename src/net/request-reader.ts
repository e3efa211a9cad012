/**
 * The requests in a run of bytes, one after the other: from a batch where they are plain and whole, from the parser where
 * they are not. One reader serves all connections of a listener; what lasts longer than a run is a parser in the middle
 * of a request, which the connection keeps.
 *
 *   bytes  … GET a | GET b | GET c | PING\r\n | SET k <2 MB …           next() ─► args, pos behind the request
 *            batch of three         parser     parser, unfinished
 */
import { EMPTY_BYTES } from "../util/span.ts";
import { Args } from "./args.ts";
import { RequestBatch } from "./request-batch.ts";
import { Parsed, RequestParser } from "./request-parser.ts";

const PARSERS_KEPT_MAX = 16;

export class RequestReader {
  readonly batch = new RequestBatch();
  /** After next() answered REQUEST: its arguments, until the next call. */
  args = new Args();
  /** Position behind the last request. */
  pos = 0;
  /** next() has begun a batch of several requests: time to prefetch their keys. Reset it then. */
  isNewBatch = false;
  readonly #batchArgs = this.args;
  readonly #idle: RequestParser[] = [];
  #bytes: Uint8Array = EMPTY_BYTES;
  #end = 0;
  #first = 0;
  #next = 0;
  #last = 0;
  #bulkBytesMax = 0;
  #parser: RequestParser | null = null;
  /** The parser is in the middle of a request. */
  #isParsing = false;

  /** Begins with bytes[start, end). `unfinished`: what takeUnfinished() gave for the bytes before `start` or at it. */
  begin(bytes: Uint8Array, start: number, end: number, bulkBytesMax: number, unfinished: RequestParser | null): void {
    this.#bytes = bytes;
    this.pos = start;
    this.#end = end;
    this.#bulkBytesMax = bulkBytesMax;
    this.#next = this.#last = 0;
    this.#isParsing = unfinished !== null;
    if (unfinished === null) return;
    if (this.#parser !== null) this.give(this.#parser);
    this.#parser = unfinished;
    unfinished.feed(bytes, unfinished.pos, end);
  }

  /** After begin(): the batch holds the first requests already, from number `first` to before `last`. */
  useBatch(first: number, last: number): void {
    this.batch.bytes = this.#bytes;
    this.#first = this.#next = first;
    this.#last = last;
  }

  /** The next request. `restricted`: see RequestParser. */
  next(restricted: boolean): Parsed {
    const i = this.#next;
    if (i < this.#last && !restricted) {
      this.#next = i + 1;
      const { batch } = this;
      const args = this.#batchArgs;
      batch.load(i, args);
      args.isRepeat = i > this.#first && batch.repeats[i] === 1;
      args.isRepeated = i + 1 < this.#last && batch.repeats[i + 1] === 1;
      this.args = args;
      this.pos = batch.ends[i] as number;
      return Parsed.REQUEST;
    }
    return this.#readOn(restricted);
  }

  /** What is wrong, after next() answered ERROR. */
  get error(): string {
    return this.#parser?.error ?? "";
  }

  /** Ends the run. Where what was not executed begins: `pos`, or the first byte of an unfinished request. */
  end(): number {
    this.batch.bytes = this.#batchArgs.bytes = this.#bytes = EMPTY_BYTES;
    if (this.#parser === null) return this.pos;
    if (this.#isParsing) return this.#parser.requestStart;
    this.#parser.reset();
    return this.pos;
  }

  /** After end(): the parser of a request that is not complete. To be handed to begin(), or back by give(). */
  takeUnfinished(): RequestParser | null {
    if (!this.#isParsing) return null;
    const parser = this.#parser;
    this.#parser = null;
    this.#isParsing = false;
    return parser;
  }

  give(parser: RequestParser): void {
    parser.reset();
    if (this.#idle.length < PARSERS_KEPT_MAX) this.#idle.push(parser);
  }

  #readOn(restricted: boolean): Parsed {
    this.#first = this.#next = this.#last = 0;
    if (!this.#isParsing) {
      if (this.pos >= this.#end) return Parsed.MORE;
      if (!restricted) {
        const { batch } = this;
        batch.reset(this.#bytes, this.#bulkBytesMax);
        batch.add(this.pos, this.#end);
        this.#last = batch.count;
        this.isNewBatch = batch.keys > 1;
        if (batch.count > 0) return this.next(false);
      }
      this.#parser ??= this.#idle.pop() ?? new RequestParser();
      this.#parser.feed(this.#bytes, this.pos, this.#end);
    }
    const parser = this.#parser as RequestParser;
    parser.restricted = restricted;
    parser.bulkBytesMax = this.#bulkBytesMax;
    const parsed = parser.next();
    this.pos = parser.pos;
    this.args = parser.args;
    this.#isParsing = parsed === Parsed.MORE && parser.begun;
    return parsed;
  }
}
