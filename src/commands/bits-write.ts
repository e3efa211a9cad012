/** SETBIT and BITOP. */

import { objectType } from "../rdb/opcodes.ts";
import { stringLength } from "../rdb/string.ts";
import { rewriteString } from "../types/string.ts";
import { copyBytes } from "../util/native.ts";
import { Span } from "../util/span.ts";
import { bitOffset, bitsToChange } from "./bit-args.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { lookup, peek } from "./lookup.ts";
import { integer } from "./parse.ts";
import { awaitVerified, readValue } from "./string-value.ts";

const VALUE = new Span();
const INTO = new Span();

export function setbit(c: Context): void {
  const offset = bitOffset(c, 2);
  const message = "ERR bit is not an integer or out of range";
  const bit = integer(c, 3, message);
  if (bit !== 0 && bit !== 1) throw new ReplyError(message);
  const isLonger = bitsToChange(c, offset, INTO);
  const { bytes } = INTO;
  const at = INTO.start + Math.floor(offset / 8);
  const mask = 0x80 >> (offset % 8);
  const byte = bytes[at] as number;
  const old = (byte & mask) === 0 ? 0 : 1;
  if (isLonger || old !== bit) {
    bytes[at] = bit === 1 ? byte | mask : byte & ~mask;
    c.server.keyspace.dirty++;
  }
  c.reply.integer(old);
}

type Operation = "AND" | "OR" | "XOR" | "NOT";
const OPERATIONS: readonly Operation[] = ["AND", "OR", "XOR", "NOT"];

/** The first source's argument. */
const FIRST = 3;

export function bitop(c: Context): void {
  const { args, db, reply, server } = c;
  const operation = OPERATIONS.find((word) => args.is(1, word));
  if (operation === undefined) throw syntaxError();
  if (operation === "NOT" && args.count !== FIRST + 1) {
    throw new ReplyError("ERR BITOP NOT must be called with a single source key.");
  }
  awaitSources(c);
  let length = 0;
  for (let i = FIRST; i < args.count; i++) {
    if (lookup(c, i, "string")) length = Math.max(length, stringLength(c.record.cursor));
  }
  const start = args.starts[2] as number;
  const keyLength = args.lengths[2] as number;
  if (length > 0) {
    const result = combined(c, operation, length);
    rewriteString(db, args.bytes, start, keyLength, length, -1, INTO);
    copyBytes(result, 0, length, INTO.bytes, INTO.start);
    server.keyspace.dirty++;
  } else {
    // Redis counts the deletion of a key that has expired here, too.
    const { keyspace } = server;
    const expiredBefore = keyspace.expiredKeys;
    const removed = db.remove(args.bytes, start, keyLength, c.nowMs);
    if (removed || keyspace.expiredKeys !== expiredBefore) keyspace.dirty++;
  }
  reply.integer(length);
}

/** Throws NotReady where a source must be verified first; it counts as a hit, which dispatch takes back. */
function awaitSources(c: Context): void {
  const { stats } = c.server;
  for (let i = FIRST; i < c.args.count; i++) {
    if (!peek(c, i) || objectType(c.record.type) !== "string") continue;
    stats.keyspaceHits++;
    awaitVerified(c.record.cursor);
    stats.keyspaceHits--;
  }
}

/** Sources are combined four bytes at a time, from a copy where they are aligned. */
const CHUNK_BYTES = 16 * 1024;
const CHUNK_WORDS = new Int32Array(CHUNK_BYTES / 4);
const CHUNK = new Uint8Array(CHUNK_WORDS.buffer);

/** The sources, made `length` bytes long by zeros, combined. A fresh array, at least so long: the key may be its own source. */
function combined(c: Context, operation: Operation, length: number): Uint8Array {
  const words = new Int32Array(Math.ceil(length / 4));
  const bytes = new Uint8Array(words.buffer);
  for (let i = FIRST; i < c.args.count; i++) {
    if (peek(c, i)) readValue(c.record, VALUE);
    else VALUE.length = 0;
    if (i === FIRST) copyBytes(VALUE.bytes, VALUE.start, VALUE.length, bytes, 0);
    else combine(words, operation, VALUE);
  }
  if (operation === "NOT") for (let i = 0; i < words.length; i++) words[i] = ~(words[i] as number);
  return bytes;
}

function combine(words: Int32Array, operation: Operation, value: Span): void {
  const wordsOfValue = Math.ceil(value.length / 4);
  for (let at = 0; at < wordsOfValue; at += CHUNK_WORDS.length) {
    const length = Math.min(CHUNK_BYTES, value.length - at * 4);
    const count = Math.ceil(length / 4);
    CHUNK_WORDS[count - 1] = 0;
    copyBytes(value.bytes, value.start + at * 4, length, CHUNK, 0);
    combineChunk(words, at, count, operation);
  }
  if (operation === "AND") words.fill(0, wordsOfValue);
}

/** Combines CHUNK with `count` words of `words` from `at` on. */
function combineChunk(words: Int32Array, at: number, count: number, operation: Operation): void {
  switch (operation) {
    case "AND":
      for (let i = 0; i < count; i++) words[at + i] = (words[at + i] as number) & (CHUNK_WORDS[i] as number);
      break;
    case "OR":
      for (let i = 0; i < count; i++) words[at + i] = (words[at + i] as number) | (CHUNK_WORDS[i] as number);
      break;
    default:
      for (let i = 0; i < count; i++) words[at + i] = (words[at + i] as number) ^ (CHUNK_WORDS[i] as number);
  }
}
