/**
 * One node of a stream: a listpack that begins with the master entry, whose fields later entries may share, and holds entries, whose IDs are
 * counted from the node's own (its key in the stream's tree).
 *
 *   living | deleted | fields | field … | 0                                                                      master entry
 *   flags | ms - master's | seq - master's | [fields] | { field | value } … or value … | elements of this entry   entry
 *
 * flags: 1 deleted, 2 the master's fields: only the values follow. The last element lets one walk back.
 * A walker stands between two entries: next() reads the one after, previous() the one before. Nothing that leads out of the listpack is
 * believed.
 */
import { FormatError } from "../util/format-error.ts";
import { EMPTY_BYTES } from "../util/span.ts";
import { Element } from "./element.ts";
import { EntryId } from "./entry-id.ts";
import { int64, parseInt64, setInt64 } from "./int64.ts";
import { Listpack } from "./listpack.ts";

export const EntryFlags = { DELETED: 1, SAME_FIELDS: 2 } as const;
/** Smaller ones are a byte as an element. */
const SMALL_END = 128;
/** One byte as an element: a flag is set in its place. */
const FLAGS_MAX = 127;
/** Elements of an entry besides fields and values: flags, the two halves of the ID; and the number of fields, where they are its own. */
export const ENTRY_HEAD_ELEMENTS = 3;

export class StreamNode {
  /** The node's own ID: set it before open(). */
  readonly master = new EntryId();
  /** Of the current entry, after next() or previous(). */
  readonly id = new EntryId();
  isDeleted = false;
  /** Number of its pairs of field and value. */
  fieldCount = 0;
  /** Where it begins (its flags), in the bytes. */
  entryAt = 0;
  /** As the master entry says. */
  living = 0;
  deleted = 0;
  masterFields = 0;
  #listpack = new Listpack();
  #element = new Element();
  #origin = 0;
  #masterFieldsAt = 0;
  /** Where the first entry begins. */
  #first = 0;
  /** Behind the current entry when walking on, -1: to be found behind its fields; at it when walking back. */
  #at = 0;
  #bytes: Uint8Array = EMPTY_BYTES;
  #sameFields = false;
  #fieldsLeft = 0;
  #firstFieldAt = 0;
  #fieldAt = 0;
  #masterFieldAt = 0;

  /**
   * Opens the listpack of `length` bytes from `start`; the walker is before its first entry. `origin`: the offset that errors shall name.
   * Fields and values are views of `bytes`. Throws FormatError.
   */
  open(bytes: Uint8Array, start: number, length: number, origin = 0): this {
    const listpack = this.#listpack.open(bytes, start, length, origin);
    this.#origin = origin;
    this.#bytes = bytes;
    this.living = this.#count("the count of entries");
    this.deleted = this.#count("the count of deleted entries");
    this.masterFields = this.#count("the number of fields");
    this.#masterFieldsAt = listpack.pos;
    this.#skip(this.masterFields);
    this.#integer("the end of the master entry");
    this.#first = listpack.pos;
    this.toStart();
    return this;
  }

  toStart(): void {
    this.#at = this.#first;
    this.#fieldsLeft = 0;
  }

  toEnd(): void {
    this.#listpack.toEnd();
    this.#at = this.#listpack.pos;
    this.#fieldsLeft = 0;
  }

  /** Reads the next entry, deleted ones too; false at the end. Throws FormatError. */
  next(): boolean {
    const listpack = this.#listpack;
    listpack.pos = this.#at < 0 ? this.#end() : this.#at;
    this.#fieldsLeft = 0;
    if (listpack.atEnd) return false;
    this.#readEntry();
    this.#at = -1;
    return true;
  }

  /** Where the current entry ends: behind the fields that are left, and the number of its elements. */
  #end(): number {
    const listpack = this.#listpack;
    listpack.pos = this.#fieldAt;
    this.#skip(this.#sameFields ? this.#fieldsLeft : this.#fieldsLeft * 2);
    // Nearly always a byte and its length. The listpack's end is no such byte; what leads behind it is found out by the next reading.
    if ((this.#bytes[listpack.pos] as number) < SMALL_END) listpack.pos += 2;
    else this.#integer("an entry's number of elements");
    return listpack.pos;
  }

  /** Reads the entry before, deleted ones too; false at the start. Throws FormatError. */
  previous(): boolean {
    const listpack = this.#listpack;
    const behind = this.#at;
    this.#fieldsLeft = 0;
    if (behind <= this.#first) return false;
    listpack.pos = behind;
    const element = this.#element;
    if (!listpack.previous(element) || !element.isInt || element.int < ENTRY_HEAD_ELEMENTS) {
      throw this.#bad("no count", "an entry's number of elements");
    }
    for (let left = element.int; left > 0; left--) {
      if (listpack.pos <= this.#first) throw this.#bad("the master entry", "an entry's number of elements");
      listpack.previous(this.#element);
    }
    this.#at = listpack.pos;
    this.#readEntry();
    if (this.#end() !== behind) throw this.#bad("another end", "the end of the entry that the one behind it names");
    return true;
  }

  /** Moves to the next field of the current entry; false after fieldCount of them. */
  nextField(field: Element, value: Element): boolean {
    if (this.#fieldsLeft === 0) return false;
    this.#fieldsLeft--;
    const listpack = this.#listpack;
    if (this.#sameFields) {
      listpack.pos = this.#masterFieldAt;
      listpack.next(field);
      this.#masterFieldAt = listpack.pos;
      listpack.pos = this.#fieldAt;
    } else {
      listpack.pos = this.#fieldAt;
      if (!listpack.next(field)) throw this.#bad("its end", "a field");
    }
    if (!listpack.next(value)) throw this.#bad("its end", "a value");
    this.#fieldAt = listpack.pos;
    return true;
  }

  /** Back to the first field of the current entry. */
  rewindFields(): void {
    this.#fieldsLeft = this.fieldCount;
    this.#fieldAt = this.#firstFieldAt;
    this.#masterFieldAt = this.#masterFieldsAt;
  }

  /** What is wrong with the node, or null: every entry must be readable, counts and order of IDs right. Leaves it before the first. */
  problem(): string | null {
    const before = new EntryId().copy(this.master);
    let living = 0;
    let stored = 0;
    this.toStart();
    while (this.next()) {
      if (!this.isDeleted) living++;
      if (this.id.compare(before) < (stored++ === 0 ? 0 : 1))
        return "a stream's node whose entries do not ascend by id";
      before.copy(this.id);
    }
    this.toEnd();
    for (let left = stored; left > 0; left--) if (!this.previous()) return "a stream's node that cannot be walked back";
    this.toStart();
    return living === this.living && stored === this.living + this.deleted
      ? null
      : `a stream's node of ${stored} entries, ${living} of them not deleted, that says ${this.living} and ${this.deleted}`;
  }

  /** Reads the head of the entry that begins here. */
  #readEntry(): void {
    const listpack = this.#listpack;
    const { pos } = listpack;
    this.entryAt = pos;
    const flags = this.#count("the flags of an entry");
    if (flags > FLAGS_MAX) throw this.#bad(`flags of ${flags}`, `at most ${FLAGS_MAX}`);
    this.#readId();
    this.#sameFields = (flags & EntryFlags.SAME_FIELDS) !== 0;
    this.isDeleted = (flags & EntryFlags.DELETED) !== 0;
    this.fieldCount = this.#sameFields ? this.masterFields : this.#count("an entry's number of fields");
    this.#firstFieldAt = listpack.pos;
    this.rewindFields();
  }

  #readId(): void {
    const listpack = this.#listpack;
    const bytes = this.#bytes;
    const { pos } = listpack;
    const ms = bytes[pos] as number;
    const seq = bytes[pos + 2] as number;
    // Nearly always two small numbers: one byte each, and its length. What follows the bytes of the listpack is not small: its end.
    if (ms < SMALL_END && seq < SMALL_END) {
      listpack.pos = pos + 4;
      this.id.setBehind(this.master, 0, ms, 0, seq);
      return;
    }
    this.#integer("an entry's time");
    const { high, low } = int64;
    this.#integer("an entry's sequence number");
    this.id.setBehind(this.master, high, low, int64.high, int64.low);
  }

  #skip(elements: number): void {
    for (let i = 0; i < elements; i++) if (!this.#listpack.skip()) throw this.#bad("its end", "a field or value");
  }

  /** Sets `int64` to the next element. */
  #integer(what: string): void {
    const element = this.#element;
    if (!this.#listpack.next(element)) throw this.#bad("its end", what);
    if (element.isInt) {
      setInt64(element.int);
      return;
    }
    const { bytes, start, length } = element.element;
    if (!parseInt64(bytes, start, length)) throw this.#bad("a string", what);
  }

  #count(what: string): number {
    const element = this.#element;
    if (!this.#listpack.next(element)) throw this.#bad("its end", what);
    if (!element.isInt || element.int < 0) throw this.#bad("no count", what);
    return element.int;
  }

  #bad(found: string, expected: string): FormatError {
    return new FormatError("bad-stream", this.#origin, `${found} in a stream's listpack`, expected);
  }
}
