/** DEBUG's subcommands about keys and their values. */
import { asPlain } from "../keyspace/plain.ts";
import { valueBytesInSlices } from "../rdb/dump.ts";
import { readCount } from "../rdb/length.ts";
import { objectType, RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { Digest, digestValue as digestRecord } from "../types/digest.ts";
import { HashReader } from "../types/hash.ts";
import { ListReader } from "../types/list.ts";
import { SetReader } from "../types/set.ts";
import { setString } from "../types/string.ts";
import { ZsetReader } from "../types/zset.ts";
import { binaryBytes, Span } from "../util/span.ts";
import type { Context, Handler } from "./context.ts";
import { encodingLimits } from "./encoding-limits.ts";
import { ReplyError } from "./errors.ts";
import { noteReading, peek } from "./lookup.ts";
import { encodingOf } from "./object.ts";
import { integer, positive } from "./parse.ts";

const KEYS_PER_SLICE = 64;
const NO_KEY = "ERR no such key";

/** DIGEST: databases in order, their keys in any. Writes between its slices are in it or not. */
export function* digest(c: Context): Generator<void, void, void> {
  const { keyspace } = c.server;
  const all = new Digest();
  const one = new Digest();
  const value = new Record();
  for (let dbid = 0; dbid < keyspace.count; dbid++) {
    if (keyspace.database(dbid).size(c.nowMs) === 0) continue;
    all.mixUint32(dbid);
    let cursor = 0;
    do {
      cursor = keyspace.database(dbid).scan(cursor, KEYS_PER_SLICE, c.nowMs, value, (record) => {
        one.clear();
        one.mixSpan(record.key);
        for (const step of digestRecord(record, c.nowMs, one)) void step;
        all.xor(one.bytes);
      });
      yield;
    } while (cursor !== 0);
  }
  c.reply.simple(all.hex);
}

/** DIGEST-VALUE. */
export function* digestValue(c: Context): Generator<void, void, void> {
  const { reply } = c;
  reply.array(c.args.count - 2);
  for (let i = 2; i < c.args.count; i++) {
    const one = new Digest();
    if (peek(c, i)) {
      noteReading(c, c.record);
      yield* digestRecord(c.record, c.nowMs, one);
    }
    reply.simple(one.hex);
  }
}

/** OBJECT: Redis's fields; `lru` is what Folio keeps of the key's use, 0 where it keeps nothing. */
export function* debugObject(c: Context): Generator<void, void, void> {
  if (!peek(c, 2)) throw new ReplyError(NO_KEY);
  const { record, server } = c;
  const encoding = encodingOf(record, encodingLimits(server.config), c.nowMs);
  noteReading(c, record);
  const plain = yield* asPlain(record);
  const bytes = yield* valueBytesInSlices(plain);
  const fields = [
    `Value at:0x${record.valueOffset.toString(16)}`,
    "refcount:1",
    `encoding:${encoding}`,
    `serializedlength:${bytes}`,
    `lru:${Math.max(record.access, 0)}`,
    `lru_seconds_idle:${server.keyspace.access.isCounting ? 0 : server.keyspace.access.recordIdleSeconds(record)}`,
  ];
  if (encoding === "quicklist") fields.push(...quicklistFields(c, plain, bytes));
  c.reply.simple(fields.join(" "));
}

/** A list of another form than a quicklist is counted as one node. */
function quicklistFields({ server }: Context, record: Record, bytes: number): string[] {
  const list = new ListReader();
  list.open(record);
  const { type } = record;
  record.seekValue();
  const isQuicklist = type === RdbType.LIST_QUICKLIST || type === RdbType.LIST_QUICKLIST_2;
  const nodes = isQuicklist ? readCount(record.cursor, 1) : 1;
  return [
    `ql_nodes:${nodes}`,
    `ql_avg_node:${(list.count / nodes).toFixed(2)}`,
    `ql_listpack_max:${server.config.number("list-max-listpack-size")}`,
    "ql_compressed:0",
    `ql_uncompressed_size:${bytes}`,
  ];
}

/** SDSLEN: nothing is kept free behind strings, or what is cannot be told from here. */
export function sdslen(c: Context): void {
  if (!peek(c, 2)) throw new ReplyError(NO_KEY);
  const { record } = c;
  const isString = objectType(record.type) === "string";
  if (!isString || encodingOf(record, encodingLimits(c.server.config), c.nowMs) === "int") {
    throw new ReplyError("ERR Not an sds encoded string.");
  }
  const value = new Span();
  record.seekValue();
  readString(record.cursor, value, record.scratch);
  const key = c.args.lengths[2] as number;
  c.reply.simple(
    `key_sds_len:${key}, key_sds_avail:0, key_zmalloc: ${key}, ` +
      `val_sds_len:${value.length}, val_sds_avail:0, val_zmalloc: ${value.length}`,
  );
}

/** LISTPACK, QUICKLIST: Redis prints the structure to its terminal; Folio only says whether the value has it. */
export function packed(encoding: "listpack" | "quicklist"): Handler {
  const name = `${encoding[0]?.toUpperCase()}${encoding.slice(1)}`;
  return (c) => {
    if (!peek(c, 2)) throw new ReplyError(NO_KEY);
    if (encodingOf(c.record, encodingLimits(c.server.config), c.nowMs) !== encoding) {
      throw new ReplyError(`ERR Not a ${encoding} encoded object.`);
    }
    c.reply.simple(`${name} structure is sound`);
  };
}

/** POPULATE. Does not count as changes, as in Redis. */
export function* populate(c: Context): Generator<void, void, void> {
  const count = positive(c, 2);
  const prefix = c.args.count > 3 ? c.args.text(3) : "key";
  const size = c.args.count > 4 ? positive(c, 4) : 0;
  if (size > c.server.config.number("proto-max-bulk-len")) throw new ReplyError("ERR value is out of range");
  for (let i = 0; i < count; i++) {
    const db = c.server.keyspace.database(c.client.dbid);
    const key = binaryBytes(`${prefix}:${i}`);
    if (!db.find(key, 0, key.length, c.nowMs, c.record)) setPopulated(db, key, i, size);
    if (i % KEYS_PER_SLICE === KEYS_PER_SLICE - 1) yield;
  }
  c.reply.ok();
}

function setPopulated(db: Context["db"], key: Uint8Array, i: number, size: number): void {
  const text = binaryBytes(`value:${i}`);
  let value = text;
  if (size > 0) {
    value = new Uint8Array(size);
    value.set(text.subarray(0, size));
  }
  setString(db, key, 0, key.length, value, 0, value.length, -1);
}

/** HTSTATS: Folio's tables are others than Redis's; what there is to tell of them. */
export function htstats(c: Context): void {
  const { keyspace } = c.server;
  const dbid = integer(c, 2);
  if (dbid < 0 || dbid >= keyspace.count) throw new ReplyError("ERR Out of range database");
  const db = keyspace.database(dbid);
  const lines = ["[Dictionary HT]"];
  for (const [name, overlay] of [
    ["overlay", db.top],
    ["overlay being merged", db.draining],
    ["overlay being saved", db.frozen],
  ] as const) {
    if (overlay === null) continue;
    lines.push(
      `Hash table of the ${name}:`,
      ` segments: ${overlay.table.segments}`,
      ` number of elements: ${overlay.table.count}`,
      ` of them keys: ${overlay.keys}`,
    );
  }
  for (const layer of db.layers) lines.push("Index of the layer:", ` keys: ${layer.keys(db.layerDbid)}`);
  lines.push("[Expires HT]", ` keys that expire: ${db.expires(c.nowMs)}`);
  c.reply.verbatim(`${lines.join("\n")}\n`);
}

/** HTSTATS-KEY. */
export function htstatsKey(c: Context): void {
  if (!peek(c, 2)) throw new ReplyError(NO_KEY);
  const { record, server } = c;
  const limits = encodingLimits(server.config);
  const encoding = encodingOf(record, limits, c.nowMs);
  if (encoding !== "hashtable" && encoding !== "skiplist") {
    throw new ReplyError("ERR The value stored at the specified key is not represented using an hash table");
  }
  c.reply.verbatim(`Elements as they lie in the record:\n number of elements: ${elementCount(record, c.nowMs)}\n`);
}

function elementCount(record: Record, nowMs: number): number {
  const type = objectType(record.type);
  if (type === "hash") {
    const hash = new HashReader();
    hash.open(record, nowMs);
    return hash.count;
  }
  const reader = type === "set" ? new SetReader() : new ZsetReader();
  reader.open(record);
  return reader.count;
}
