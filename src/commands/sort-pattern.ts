/**
 * The patterns of SORT's BY and GET, which name a key for each element:
 *
 *   weight_*          the string at "weight_" + element           #   the element itself
 *   object_*->price   the field "price" of the hash at "object_" + element
 *
 * Only the first * stands for the element. A pattern without one names no key.
 */
import { objectType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { HashReader } from "../types/hash.ts";
import { binaryBytes, Span } from "../util/span.ts";
import type { Context } from "./context.ts";

const ARROW = "->";

export class SortPattern {
  /** "#": the element itself. */
  readonly isElement: boolean;
  /** Whether the pattern names a key for each element. */
  readonly namesKeys: boolean;
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;
  /** Null: the key's own value. */
  readonly #field: Uint8Array | null = null;
  readonly #record = new Record();
  readonly #hash = new HashReader();
  readonly #value = new Span();

  constructor(pattern: string) {
    const star = pattern.indexOf("*");
    this.isElement = pattern === "#";
    this.namesKeys = star >= 0;
    let after = pattern.slice(star + 1);
    const arrow = after.indexOf(ARROW);
    if (arrow >= 0 && arrow + ARROW.length < after.length) {
      this.#field = binaryBytes(after.slice(arrow + ARROW.length));
      after = after.slice(0, arrow);
    }
    this.#before = binaryBytes(pattern.slice(0, Math.max(star, 0)));
    this.#after = binaryBytes(after);
  }

  /** The value named for this element, null where there is none. Valid until the next call, as long as the layer is open. */
  find(c: Context, element: Span): Span | null {
    if (!this.namesKeys) return null;
    const before = this.#before.length;
    const key = new Uint8Array(before + element.length + this.#after.length);
    key.set(this.#before);
    key.set(element.bytes.subarray(element.start, element.start + element.length), before);
    key.set(this.#after, before + element.length);
    const record = this.#record;
    const found = c.db.find(key, 0, key.length, c.nowMs, record);
    if (found) c.server.stats.keyspaceHits++;
    else c.server.stats.keyspaceMisses++;
    if (!found || objectType(record.type) !== (this.#field === null ? "string" : "hash")) return null;
    return this.#field === null ? this.#string() : this.#fieldValue(c, this.#field);
  }

  /** Not readValue: a command that has begun to reply cannot be run again from its start. */
  #string(): Span {
    readString(this.#record.cursor, this.#value, this.#record.scratch);
    return this.#value;
  }

  #fieldValue(c: Context, field: Uint8Array): Span | null {
    this.#hash.open(this.#record, c.nowMs);
    return this.#hash.find(field, 0, field.length) ? this.#hash.value.text() : null;
  }
}
