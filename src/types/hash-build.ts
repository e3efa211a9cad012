/** Making the native structure of a hash (overlay/encodings/field-table.ts), or a listpack, of what lies otherwise. */
import {
  LISTPACK_BYTES_MAX,
  LISTPACK_EMPTY_BYTES,
  ListpackWriter,
  measureElement,
  writeEmptyListpack,
} from "../encodings/listpack-writer.ts";
import { type Blocks, letGo } from "../overlay/encodings/blocks.ts";
import { FieldTable } from "../overlay/encodings/field-table.ts";
import { hashForm } from "../overlay/encodings/hash-form.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import type { Record } from "../rdb/record.ts";
import { HashReader } from "./hash.ts";

const FIELDS_PER_SLICE = 256;

/**
 * The root of a structure of the fields of a record's hash, in slices: see Builder (builders.ts). Where all fields have expired they are
 * kept, so that somebody will find the key due, and remove it.
 */
export function* buildHash(record: Record, blocks: Blocks, nowMs: number): Generator<void, number, void> {
  const root = MemberTable.create(blocks);
  let isWhole = false;
  try {
    const fields = new FieldTable().bind(blocks, root);
    yield* fill(fields, record, nowMs);
    if (fields.table.count === 0) yield* fill(fields, record, Number.NEGATIVE_INFINITY);
    isWhole = true;
  } finally {
    if (!isWhole) letGo(blocks, hashForm.free(blocks, root));
  }
  return root;
}

function* fill(fields: FieldTable, record: Record, nowMs: number): Generator<void, void, void> {
  const hash = new HashReader();
  hash.open(record, nowMs);
  for (let added = 1; hash.nextField(); added++) {
    const { bytes, start, length } = hash.field.text();
    const value = hash.value.text();
    fields.find(bytes, start, length);
    fields.put(bytes, start, length, value.bytes, value.start, value.length, hash.fieldExpireAtMs);
    if (added % FIELDS_PER_SLICE === 0) yield;
  }
}

/** The listpack of a hash, whose fields do not expire; null where it would be too large for one. The reader is before the first field. */
export function packHash(hash: HashReader): Uint8Array | null {
  let size = LISTPACK_EMPTY_BYTES;
  while (hash.nextField()) {
    const field = hash.field.text();
    const value = hash.value.text();
    size += measureElement(field.bytes, field.start, field.length);
    size += measureElement(value.bytes, value.start, value.length);
  }
  if (size > LISTPACK_BYTES_MAX) return null;
  const blob = new Uint8Array(size);
  writeEmptyListpack(blob, 0);
  const writer = new ListpackWriter().open(blob, 0);
  let at = writer.end;
  let elements = 0;
  for (hash.rewind(); hash.nextField(); elements += 2) {
    const field = hash.field.text();
    at = writer.put(at, field.bytes, field.start, field.length);
    const value = hash.value.text();
    at = writer.put(at, value.bytes, value.start, value.length);
  }
  writer.seal(at, elements);
  return blob;
}
