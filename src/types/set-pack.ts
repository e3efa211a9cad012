/**
 * Which form Redis 7.2 gives a set whose members are added one by one, and the bytes of the packed ones.
 *
 * A listpack that began as an intset has its first members, the integers before the first other text, in ascending order.
 */
import { int64, parseInt64 } from "../encodings/int64.ts";
import { Intset } from "../encodings/intset.ts";
import {
  addToIntset,
  bytesWith,
  INTSET_EMPTY_BYTES,
  intsetBytes,
  writeEmptyIntset,
} from "../encodings/intset-writer.ts";
import {
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { NativeType, RdbType } from "../rdb/opcodes.ts";
import type { Span } from "../util/span.ts";
import { Element } from "./elements.ts";
import type { EncodingLimits } from "./limits.ts";

/** RdbType.SET_INTSET, RdbType.SET_LISTPACK or NativeType.SET. */
export type SetForm = number;

/** Texts that are given one by one, from the start on again after `begin`. They last until the next one. */
export interface Texts {
  begin(): void;
  /** Null at the end. */
  next(): Span | null;
}

/** The form of a set to which members are added, all of them different. */
export class SetShape {
  form: SetForm;
  count = 0;
  readonly #limits: EncodingLimits;
  #longest = 0;
  #onlyIntegers = true;

  /** `form`: what it begins as, without members. */
  constructor(limits: EncodingLimits, form: SetForm = RdbType.SET_INTSET) {
    this.#limits = limits;
    this.form = form;
  }

  add(text: Uint8Array, start: number, length: number): void {
    const limits = this.#limits;
    const before = this.count++;
    if (this.#onlyIntegers && !parseInt64(text, start, length)) this.#onlyIntegers = false;
    if (length > this.#longest) this.#longest = length;
    if (this.form === NativeType.SET) return;
    if (this.form === RdbType.SET_INTSET && this.#onlyIntegers) {
      if (this.count > limits["set-max-intset-entries"]) this.form = NativeType.SET;
      return;
    }
    const fits = before < limits["set-max-listpack-entries"] && this.#longest <= limits["set-max-listpack-value"];
    this.form = fits ? RdbType.SET_LISTPACK : NativeType.SET;
  }

  /** As Redis does with an intersection: integers only become an intset after all. */
  settle(): void {
    if (this.#onlyIntegers && this.count <= this.#limits["set-max-intset-entries"]) this.form = RdbType.SET_INTSET;
  }
}

/** The blob of an intset or a listpack of these members. */
export function packSet(form: SetForm, texts: Texts): Uint8Array {
  texts.begin();
  return form === RdbType.SET_INTSET ? packIntegers(texts) : packElements(texts);
}

function packIntegers(texts: Texts): Uint8Array {
  let count = 0;
  let width = 2;
  for (let text = texts.next(); text !== null; text = texts.next()) {
    parseInt64(text.bytes, text.start, text.length);
    width = Math.max(width, int64.width);
    count++;
  }
  const blob = new Uint8Array(INTSET_EMPTY_BYTES + width * count);
  writeEmptyIntset(blob, 0);
  texts.begin();
  for (let text = texts.next(); text !== null; text = texts.next()) {
    if (parseInt64(text.bytes, text.start, text.length) && bytesWith(blob, 0) > 0) addToIntset(blob, 0);
  }
  // A damaged sequence may hold one integer twice.
  return blob.subarray(0, intsetBytes(blob, 0));
}

function packElements(texts: Texts): Uint8Array {
  let size = LISTPACK_EMPTY_BYTES;
  let integers = 0;
  let others = 0;
  for (let text = texts.next(); text !== null; text = texts.next()) {
    if (others === 0 && parseInt64(text.bytes, text.start, text.length)) integers++;
    else others++;
    size += measureElement(text.bytes, text.start, text.length);
  }
  const blob = new Uint8Array(size);
  writeEmptyListpack(blob, 0);
  const writer = new ListpackWriter().open(blob, 0);
  texts.begin();
  if (integers > 0) appendSorted(writer, integers, texts);
  for (let text = texts.next(); text !== null; text = texts.next()) {
    writer.insert(writer.end, text.bytes, text.start, text.length);
  }
  return blob;
}

/** Appends the next `count` texts, integers, in ascending order. */
function appendSorted(writer: ListpackWriter, count: number, texts: Texts): void {
  let left = count;
  const sorted = packIntegers({
    begin: () => {
      left = count;
      texts.begin();
    },
    next: () => (left-- > 0 ? texts.next() : null),
  });
  const intset = new Intset().open(sorted, 0, sorted.length);
  const element = new Element();
  while (intset.next(element)) {
    const { bytes, start, length } = element.text();
    writer.insert(writer.end, bytes, start, length);
  }
}
