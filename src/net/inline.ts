/**
 * Inline requests: a line of words with Redis's quoting.
 *
 *   set "a key" 'it\'s' "\x41\n"      double quotes know \xHH \n \r \t \b \a \c (c itself); single quotes know \' only
 *
 * A closing quote must be followed by a space or the end; an open one is an error. Cold path.
 */
import type { Args } from "./args.ts";

const SPACE = 32;
const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/** Splits the line bytes[start, end) into `args`, which get bytes of their own. False: unbalanced quotes. */
export function splitInline(bytes: Uint8Array, start: number, end: number, args: Args): boolean {
  const out = new Uint8Array(end - start);
  let length = 0;
  let at = start;
  args.bytes = out;
  for (;;) {
    while (at < end && isSpace(bytes[at] as number)) at++;
    if (at === end) return true;
    const wordStart = length;
    for (; at < end && !endsWord(bytes[at] as number); at++) {
      const byte = bytes[at] as number;
      if (byte !== QUOTE && byte !== APOSTROPHE) {
        out[length++] = byte;
        continue;
      }
      const close = byte === QUOTE ? unquoteDouble(bytes, at + 1, end) : unquoteSingle(bytes, at + 1, end);
      if (close === null || (close.after < end && !isSpace(bytes[close.after] as number))) return false;
      out.set(close.text, length);
      length += close.text.length;
      at = close.after;
      break;
    }
    args.add(wordStart, length - wordStart);
  }
}

/** The quoted text and the index after the closing quote; null when there is none. */
interface Quoted {
  readonly text: readonly number[];
  readonly after: number;
}

function unquoteDouble(bytes: Uint8Array, start: number, end: number): Quoted | null {
  const text: number[] = [];
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return { text, after: at + 1 };
    if (byte !== BACKSLASH || at + 1 >= end) {
      text.push(byte);
      continue;
    }
    const next = String.fromCharCode(bytes[++at] as number);
    const hex = next === "x" ? hexByte(bytes, at + 1, end) : -1;
    if (hex >= 0) {
      text.push(hex);
      at += 2;
    } else {
      text.push(ESCAPES[next] ?? next.charCodeAt(0));
    }
  }
  return null;
}

function unquoteSingle(bytes: Uint8Array, start: number, end: number): Quoted | null {
  const text: number[] = [];
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === APOSTROPHE) return { text, after: at + 1 };
    if (byte === BACKSLASH && at + 1 < end && bytes[at + 1] === APOSTROPHE) text.push(bytes[++at] as number);
    else text.push(byte);
  }
  return null;
}

function hexByte(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1;
  const text = String.fromCharCode(bytes[at] as number, bytes[at + 1] as number);
  return /^[0-9a-fA-F]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}

/** C's isspace. */
function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13);
}

function endsWord(byte: number): boolean {
  return byte === SPACE || byte === 9 || byte === 10 || byte === 13;
}
