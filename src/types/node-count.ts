/**
 * The number of elements of a quicklist's node from its header, without looking at the rest of it: of a compressed node
 * only the first bytes are decompressed. A list of a million elements has thousands of nodes, and LLEN needs them all.
 */
import { u16le } from "../encodings/packed.ts";
import { readLength, readLengthOrEncoding } from "../rdb/length.ts";
import { StringEncoding } from "../rdb/opcodes.ts";
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";

const LZF = -1 - StringEncoding.LZF;
/** Both headers end within this. */
const HEADER_BYTES = 10;
/** Compressed bytes that make HEADER_BYTES at least: one literal after one control byte each, at worst. */
const COMPRESSED_BYTES = HEADER_BYTES * 2 + 2;
const UNKNOWN = 0xffff;

/**
 * The count in the header of the listpack (`countAt` 4) or ziplist (8) at the cursor; moves past it. -1 where the
 * header does not say: the cursor is then back before the node. Throws FormatError.
 */
export function readNodeCount(cursor: Cursor, countAt: 4 | 8): number {
  const { offset } = cursor;
  const stored = readLengthOrEncoding(cursor);
  let count: number;
  if (stored >= countAt + 2) {
    cursor.need(countAt + 2);
    count = u16le(cursor.bytes, cursor.pos + countAt);
    cursor.skip(stored);
  } else if (stored === LZF) {
    const compressed = readLength(cursor);
    readLength(cursor);
    cursor.need(Math.min(compressed, COMPRESSED_BYTES));
    count = compressedCount(cursor.bytes, cursor.pos, Math.min(compressed, COMPRESSED_BYTES), countAt);
    if (count < 0) throw new FormatError("bad-lzf", offset, "a node that does not decompress", "a quicklist node");
    cursor.skip(compressed);
  } else throw new FormatError("bad-quicklist", offset, "a node without a header", "a quicklist node");
  if (count !== UNKNOWN) return count;
  cursor.seek(offset);
  return -1;
}

/** The 16-bit number at `countAt` of what these LZF bytes begin with, -1 where they make none. */
function compressedCount(input: Uint8Array, start: number, length: number, countAt: number): number {
  const end = start + length;
  let out = 0;
  HEAD.fill(0);
  for (let at = start; at < end && out < countAt + 2; ) {
    const control = input[at++] as number;
    if (control < 0x20) {
      for (let i = 0; i <= control && out < HEADER_BYTES && at < end; i++) HEAD[out++] = input[at++] as number;
      continue;
    }
    let run = control >>> 5;
    if (run === 7) run += input[at++] as number;
    let from = out - (((control & 0x1f) << 8) | (input[at++] as number)) - 1;
    if (from < 0) return -1;
    for (let i = 0; i < run + 2 && out < HEADER_BYTES; i++) HEAD[out++] = HEAD[from++] as number;
  }
  return out >= countAt + 2 ? u16le(HEAD, countAt) : -1;
}

/** Scratch of compressedCount, which nothing can re-enter. */
const HEAD = new Uint8Array(HEADER_BYTES);
