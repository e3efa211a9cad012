/** Making the native structure of a set (overlay/encodings/set-form.ts) of what lies otherwise. */
import { type Blocks, letGo } from "../overlay/encodings/blocks.ts";
import { createMember } from "../overlay/encodings/member.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { MemberTable } from "../overlay/encodings/member-table.ts";
import { setForm } from "../overlay/encodings/set-form.ts";
import type { Record } from "../rdb/record.ts";
import type { Span } from "../util/span.ts";
import { SetReader } from "./set.ts";

const MEMBERS_PER_SLICE = 256;

/** Adds a member that may be there already; whether it was not. Throws ArenaFull, RangeError: nothing changed. */
export function addMember(
  table: MemberTable,
  blocks: Blocks,
  text: Uint8Array,
  start: number,
  length: number,
): boolean {
  const hash = memberHash(text, start, length);
  if (table.find(hash, text, start, length) !== 0) return false;
  insertMember(table, blocks, hash, text, start, length);
  return true;
}

/** Adds a member that `find` has just not found. Throws ArenaFull, RangeError: nothing changed. */
export function insertMember(
  table: MemberTable,
  blocks: Blocks,
  hash: number,
  text: Uint8Array,
  start: number,
  length: number,
): void {
  const handle = createMember(blocks, text, start, length);
  try {
    table.insert(hash, handle);
  } catch (error) {
    blocks.free(handle);
    throw error;
  }
}

/** The root of a structure of the members of a record's set, in slices: see Builder (builders.ts). */
export function* buildSet(record: Record, blocks: Blocks): Generator<void, number, void> {
  const set = new SetReader();
  set.open(record);
  return yield* buildOf(blocks, () => (set.next() ? set.text() : null));
}

/** As `buildSet`, of the texts that `next` gives until it gives null. */
export function* buildOf(blocks: Blocks, next: () => Span | null): Generator<void, number, void> {
  const root = MemberTable.create(blocks);
  let isWhole = false;
  try {
    const table = new MemberTable().bind(blocks, root);
    let added = 0;
    for (let text = next(); text !== null; text = next()) {
      addMember(table, blocks, text.bytes, text.start, text.length);
      if (++added % MEMBERS_PER_SLICE === 0) yield;
    }
    isWhole = true;
  } finally {
    if (!isWhole) letGo(blocks, setForm.free(blocks, root));
  }
  return root;
}
