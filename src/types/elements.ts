/**
 * What every reader of a collection shares: it is its current element, and next() moves it on.
 *
 *   while (reader.next()) reply.elements(reader);
 */
import { Element } from "../encodings/element.ts";
import { rdbTypeName } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { FormatError } from "../util/format-error.ts";

export { Element } from "../encodings/element.ts";

export abstract class Elements extends Element {
  /** Moves to the next element; false at the end. Throws FormatError where the stored bytes make no sense. */
  abstract next(): boolean;
}

/** A collection that holds fewer elements than it says: an answer's header would lie. */
export function countMismatch(offset: number, found: number, expected: number): FormatError {
  return new FormatError("bad-count", offset, `${found} elements`, `the ${expected} that the header says`);
}

/** The caller asked a reader to open a record of another type: a programmer's error. */
export function wrongType(record: Record, expected: string): Error {
  return new Error(`a ${expected} reader was given ${rdbTypeName(record.type)} at offset ${record.offset}`);
}
