/**
 * The thresholds that decide which encoding Redis 7.2 would choose for a collection after loading it: Redis's own
 * config names and defaults. Sizes in bytes, except list-max-listpack-size (negative: -1 … -5 stand for 4 … 64 KiB
 * a node; positive: elements a node).
 */
export interface EncodingLimits {
  readonly "list-max-listpack-size": number;
  readonly "hash-max-listpack-entries": number;
  readonly "hash-max-listpack-value": number;
  readonly "set-max-intset-entries": number;
  readonly "set-max-listpack-entries": number;
  readonly "set-max-listpack-value": number;
  readonly "zset-max-listpack-entries": number;
  readonly "zset-max-listpack-value": number;
  /** Of a stream's node; 0: no limit. */
  readonly "stream-node-max-bytes": number;
  readonly "stream-node-max-entries": number;
}

export const DEFAULT_LIMITS: EncodingLimits = {
  "list-max-listpack-size": -2,
  "hash-max-listpack-entries": 512,
  "hash-max-listpack-value": 64,
  "set-max-intset-entries": 512,
  "set-max-listpack-entries": 128,
  "set-max-listpack-value": 64,
  "zset-max-listpack-entries": 128,
  "zset-max-listpack-value": 64,
  "stream-node-max-bytes": 4096,
  "stream-node-max-entries": 100,
};
