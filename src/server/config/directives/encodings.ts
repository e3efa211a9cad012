/**
 * Directives that choose the encoding of a value (OBJECT ENCODING answers by them).
 * Names, defaults, ranges and mutability are Redis 7.2's; the third column says what Folio does with it (see directive.ts).
 */
import { type Directive, I32_MAX, I32_MIN, I64_MAX, int, memory } from "../directive.ts";

export const ENCODINGS: readonly Directive[] = [
  int("hash-max-listpack-entries", "512", "used", 0, I64_MAX, { alias: "hash-max-ziplist-entries" }),
  memory("hash-max-listpack-value", "64", "used", { alias: "hash-max-ziplist-value" }),
  memory("hll-sparse-max-bytes", "3000", "used"),
  int("list-compress-depth", "0", "unneeded", 0, I32_MAX),
  int("list-max-listpack-size", "-2", "used", I32_MIN, I32_MAX, { alias: "list-max-ziplist-size" }),
  int("set-max-intset-entries", "512", "used", 0, I64_MAX),
  int("set-max-listpack-entries", "128", "used", 0, I64_MAX),
  memory("set-max-listpack-value", "64", "used"),
  memory("stream-node-max-bytes", "4096", "used"),
  int("stream-node-max-entries", "100", "used", 0, I64_MAX),
  int("zset-max-listpack-entries", "128", "used", 0, I64_MAX, { alias: "zset-max-ziplist-entries" }),
  memory("zset-max-listpack-value", "64", "used", { alias: "zset-max-ziplist-value" }),
];
