/** IDs of stream entries: milliseconds and a sequence number, each an unsigned 64-bit integer. */
export interface StreamId {
  readonly ms: bigint;
  readonly seq: bigint;
}

export const STREAM_ID_MIN: StreamId = { ms: 0n, seq: 0n };
export const STREAM_ID_MAX: StreamId = { ms: 0xffffffffffffffffn, seq: 0xffffffffffffffffn };

/** <0, 0, >0 as stream IDs order. */
export function compareStreamIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  return a.seq === b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}
