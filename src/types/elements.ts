/**
 * What every reader of a collection shares: it is its current element, and next() moves it on.
 *
 *   while (reader.next()) reply.elements(reader);
 */
import { Element } from "../encodings/element.ts";

export { Element } from "../encodings/element.ts";

export abstract class Elements extends Element {
  /** Moves to the next element; false at the end. Throws FormatError where the stored bytes make no sense. */
  abstract next(): boolean;
}
