/**
 * The numbers of the RDB format: versions, opcodes, object types, string encodings.
 *
 *   file   = magic version { opcode-item | [EXPIRETIME…] [IDLE|FREQ] type key value } EOF [crc64]
 *
 * The first byte of every item is either an object type (small numbers growing up) or an opcode (255 growing down).
 * Sources: docs/formats/rdb.md.
 */

/** Newest version of a file with the magic "REDIS" that is understood (Redis 7.4 to 8.x). */
export const RDB_VERSION_MAX = 12;
/** The version of a file with the magic "VALKEY" (Valkey 9). Below 80 Valkey writes "REDIS" files of version 11. */
export const RDB_VERSION_VALKEY = 80;
/** Files of at least this version end with a CRC64 of everything before it. */
export const RDB_VERSION_CHECKSUM = 5;

/** Who defined the meaning of the types from 22 on. */
export type Flavour = "redis" | "valkey";

export const Opcode = {
  /** Valkey 9: state of a slot being imported: job name, count of ranges, (first, last)… */
  SLOT_IMPORT: 243,
  /** Redis 7.4 in cluster mode: slot, keys in it, keys with expiry in it. A hint. */
  SLOT_INFO: 244,
  /** A function library: its source code as one string. */
  FUNCTION2: 245,
  /** A function library as the 7.0 release candidates 1 and 2 wrote it. */
  FUNCTION_PRE_GA: 246,
  /** Data of a module that belongs to no key. */
  MODULE_AUX: 247,
  /** Idle seconds of the next key (eviction by LRU). */
  IDLE: 248,
  /** Access frequency of the next key, one byte (eviction by LFU). */
  FREQ: 249,
  /** A pair of strings about the file. May stand anywhere. */
  AUX: 250,
  /** Hint: keys and keys with expiry in the current database. */
  RESIZEDB: 251,
  /** Expiry of the next key: int64 little-endian, milliseconds since the epoch. */
  EXPIRETIME_MS: 252,
  /** Expiry of the next key: int32 little-endian, seconds since the epoch. */
  EXPIRETIME: 253,
  /** The keys that follow belong to this database. */
  SELECTDB: 254,
  /** End of the items; from version 5 on a CRC64 follows. */
  EOF: 255,
} as const;

/** Added to a type number from 22 on in a Valkey file: those numbers mean something else in Redis. */
export const VALKEY_TYPE_BASE = 256;

export const RdbType = {
  STRING: 0,
  LIST: 1,
  SET: 2,
  ZSET: 3,
  HASH: 4,
  ZSET_2: 5,
  MODULE_PRE_GA: 6,
  MODULE_2: 7,
  HASH_ZIPMAP: 9,
  LIST_ZIPLIST: 10,
  SET_INTSET: 11,
  ZSET_ZIPLIST: 12,
  HASH_ZIPLIST: 13,
  LIST_QUICKLIST: 14,
  STREAM_LISTPACKS: 15,
  HASH_LISTPACK: 16,
  ZSET_LISTPACK: 17,
  LIST_QUICKLIST_2: 18,
  STREAM_LISTPACKS_2: 19,
  SET_LISTPACK: 20,
  STREAM_LISTPACKS_3: 21,
  /** Redis 7.4 release candidates: field TTLs are absolute. */
  HASH_METADATA_PRE_GA: 22,
  HASH_LISTPACK_EX_PRE_GA: 23,
  /** Redis 7.4: the smallest field TTL first, the others relative to it. */
  HASH_METADATA: 24,
  HASH_LISTPACK_EX: 25,
  /** Type byte 22 in a Valkey file: field, value, int64 expiry in ms or -1. */
  VALKEY_HASH_2: VALKEY_TYPE_BASE + 22,
} as const;

/**
 * Types of values that have a structure of their own in an overlay (docs/formats/overlay.md, "Collections"): between the types of RDB
 * and its opcodes. They never stand in a file: the value is the handle of a root block.
 */
export const NativeType = { HASH: 230, SET: 231, ZSET: 232, LIST: 233, STREAM: 234 } as const;

/** Whether the type is a number of NativeType. */
export function isNativeType(type: number): boolean {
  return type >= NativeType.HASH && type <= NativeType.STREAM;
}

export type RdbTypeName = keyof typeof RdbType;

/** The type bytes from 0 to this one that Redis has given out (8 is a gap). */
export const RDB_TYPE_MAX = 25;

/** The low six bits of a first byte 11xxxxxx: what a string is encoded as. */
export const StringEncoding = { INT8: 0, INT16: 1, INT32: 2, LZF: 3 } as const;

/** Tags in the value of a module: what follows. */
export const ModuleOpcode = { EOF: 0, SINT: 1, UINT: 2, FLOAT: 3, DOUBLE: 4, STRING: 5 } as const;

/** How a node of a quicklist of version 2 is stored: one big element as it is, or a listpack. */
export const QuicklistContainer = { PLAIN: 1, PACKED: 2 } as const;

export type ObjectType = "string" | "list" | "set" | "zset" | "hash" | "stream" | "module";

const OBJECT_TYPES: readonly (ObjectType | undefined)[] = [
  "string",
  "list",
  "set",
  "zset",
  "hash",
  "zset",
  "module",
  "module",
  undefined,
  "hash",
  "list",
  "set",
  "zset",
  "hash",
  "list",
  "stream",
  "hash",
  "zset",
  "list",
  "stream",
  "set",
  "stream",
  "hash",
  "hash",
  "hash",
  "hash",
];

/** The type that TYPE answers for an RDB type (a number of RdbType). A module's own type name is `moduleName`. */
export function objectType(rdbType: number): ObjectType {
  if (rdbType >= NativeType.HASH) return rdbType === RdbType.VALKEY_HASH_2 ? "hash" : nativeObjectType(rdbType);
  const type = OBJECT_TYPES[rdbType];
  if (type === undefined) throw new RangeError(`not an RDB type: ${rdbType}`);
  return type;
}

const NATIVE_OBJECT_TYPES: readonly ObjectType[] = ["hash", "set", "zset", "list", "stream"];

function nativeObjectType(type: number): ObjectType {
  const name = NATIVE_OBJECT_TYPES[type - NativeType.HASH];
  if (name === undefined) throw new RangeError(`not a type: ${type}`);
  return name;
}

/** RdbType of a type byte in a file of this flavour, or -1 where the byte is no object type there. */
export function rdbTypeOf(byte: number, valkey: boolean): number {
  if (byte <= RdbType.STREAM_LISTPACKS_3) return byte === 8 ? -1 : byte;
  if (valkey) return byte + VALKEY_TYPE_BASE === RdbType.VALKEY_HASH_2 ? RdbType.VALKEY_HASH_2 : -1;
  return byte <= RDB_TYPE_MAX ? byte : -1;
}

const TYPE_NAMES = new Map<number, string>(Object.entries(RdbType).map(([name, type]) => [type, name]));

/** The name of an RDB type for an operator: "HASH_ZIPLIST". */
export function rdbTypeName(rdbType: number): string {
  return TYPE_NAMES.get(rdbType) ?? `type ${rdbType}`;
}
