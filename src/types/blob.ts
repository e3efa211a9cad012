/**
 * Strings of the RDB file that hold packed collections or are compared without being copied.
 */
import { readLengthOrEncoding } from "../rdb/length.ts";
import { StringEncoding } from "../rdb/opcodes.ts";
import type { Scratch } from "../rdb/scratch.ts";
import { readEncoded, readString, skipString, stringLength } from "../rdb/string.ts";
import type { Cursor } from "../util/cursor.ts";
import { Span } from "../util/span.ts";

/** What readLengthOrEncoding answers for a compressed string. */
const LZF = -1 - StringEncoding.LZF;

/** A reader's means to open packed blobs and compare strings: one per reader, nothing allocated per read. */
export class Blob {
  readonly span = new Span();

  /** Reads the string at the cursor and opens `walker` on it; moves past it. Throws FormatError. */
  open<W extends { open(bytes: Uint8Array, start: number, length: number, origin: number): unknown }>(
    cursor: Cursor,
    scratch: Scratch,
    walker: W,
  ): W {
    const origin = cursor.offset;
    readString(cursor, this.span, scratch);
    walker.open(this.span.bytes, this.span.start, this.span.length, origin);
    return walker;
  }

  /** Whether the string at the cursor is these bytes; moves past it. `scratch` is used for integers and LZF only. */
  matches(cursor: Cursor, scratch: Scratch, bytes: Uint8Array, start: number, length: number): boolean {
    const stored = readLengthOrEncoding(cursor);
    if (stored >= 0) {
      if (stored !== length) {
        if (stored <= cursor.end - cursor.pos) cursor.pos += stored;
        else cursor.skip(stored);
        return false;
      }
      if (stored > cursor.end - cursor.pos) cursor.need(stored);
      const { bytes: mine, pos } = cursor;
      cursor.pos = pos + stored;
      for (let i = 0; i < length; i++) if (mine[pos + i] !== bytes[start + i]) return false;
      return true;
    }
    if (stored === LZF) {
      const offset = cursor.offset - 1;
      cursor.seek(offset);
      const same = stringLength(cursor) === length;
      cursor.seek(offset);
      if (!same) {
        skipString(cursor);
        return false;
      }
      readString(cursor, this.span, scratch);
    } else {
      readEncoded(cursor, stored, this.span, scratch);
    }
    return this.span.equals(bytes, start, length);
  }
}
