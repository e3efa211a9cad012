/**
 * Stream entry ids: two unsigned 64-bit numbers, <milliseconds>-<sequence>, ordered by both.
 *
 *   1526919030474-55   1526919030474   -   +   (1526919030474-55   $
 *
 * "-" and "+" are the least and greatest id; "(" leaves the bound of a range out; "$" (XREAD) is the stream's last id.
 */
import type { StreamId } from "./stream-nodes.ts";

export const SEQ_MAX = 2n ** 64n - 1n;
export const ID_MIN: StreamId = { ms: 0n, seq: 0n };
export const ID_MAX: StreamId = { ms: SEQ_MAX, seq: SEQ_MAX };

export function idText(id: StreamId): string {
  return `${id.ms}-${id.seq}`;
}

/** The id right after, or null after the greatest. */
export function nextId(id: StreamId): StreamId | null {
  if (id.seq < SEQ_MAX) return { ms: id.ms, seq: id.seq + 1n };
  return id.ms < SEQ_MAX ? { ms: id.ms + 1n, seq: 0n } : null;
}

/** The id right before, or null before the least. */
export function previousId(id: StreamId): StreamId | null {
  if (id.seq > 0n) return { ms: id.ms, seq: id.seq - 1n };
  return id.ms > 0n ? { ms: id.ms - 1n, seq: SEQ_MAX } : null;
}

/**
 * An id from its text (binary string), null when it is none. A missing sequence becomes `missingSeq`. "-" and "+" are
 * accepted unless `strict`.
 */
export function parseId(text: string, missingSeq: bigint, strict = false): StreamId | null {
  if (text.length > 127) return null;
  // Redis reads a C string: nothing after a NUL byte counts.
  const nul = text.indexOf("\0");
  const visible = nul < 0 ? text : text.slice(0, nul);
  if (visible === "-" || visible === "+") {
    if (strict) return null;
    return visible === "-" ? ID_MIN : ID_MAX;
  }
  const dash = visible.indexOf("-");
  const ms = parseUint64(dash < 0 ? visible : visible.slice(0, dash));
  const seq = dash < 0 ? missingSeq : parseUint64(visible.slice(dash + 1));
  return ms === null || seq === null ? null : { ms, seq };
}

/** A bound of a range: "(" before it sets `open`; null when it is no id. */
export function parseBound(text: string, missingSeq: bigint): { id: StreamId; open: boolean } | null {
  const open = text.length > 1 && text.startsWith("(");
  const id = open ? parseId(text.slice(1), missingSeq, true) : parseId(text, missingSeq);
  return id === null ? null : { id, open };
}

const STRICT_INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const LOOSE_INTEGER = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * An unsigned 64-bit number as Redis reads one: a strict integer that is not negative, or else whatever C's strtoull
 * takes whole (leading zeros, a sign, spaces before it; a minus sign wraps around).
 */
function parseUint64(text: string): bigint | null {
  if (STRICT_INTEGER.test(text)) {
    const value = BigInt(text);
    if (value >= 0n && value <= INT64_MAX) return value;
    if (value < 0n && value >= -INT64_MAX - 1n) return null;
  }
  const parts = LOOSE_INTEGER.exec(text);
  if (parts === null) return null;
  const value = BigInt(parts[2] as string);
  if (value > SEQ_MAX) return null;
  return parts[1] === "-" ? BigInt.asUintN(64, -value) : value;
}
