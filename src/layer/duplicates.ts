/** Two records whose keys have the same 64-bit hash while an index is built: the same key twice, or (once in 2^64) not. */
import { Record } from "../rdb/record.ts";
import type { ByteSource } from "../util/byte-source.ts";
import { FormatError } from "../util/format-error.ts";
import type { Candidate, DuplicateJudge } from "./key-pages.ts";

const KEY_SHOWN_MAX = 64;

/**
 * Redis refuses a file that has a key twice in one database ("RDB has duplicated key"), but leaves out keys that had expired
 * when it was loaded before it looks. So does this judge. It throws FormatError "duplicate-key" with both offsets.
 */
export function duplicateJudge(source: ByteSource, valkey: boolean, nowMs: number): DuplicateJudge {
  const first = new Record();
  const second = new Record();
  first.valkey = valkey;
  second.valkey = valkey;
  return (dbid, a, b) => {
    first.readAt(source, a.offset);
    second.readAt(source, b.offset);
    if (!first.key.equalsSpan(second.key)) return "keep";
    if (expired(a, nowMs)) return "drop-a";
    if (expired(b, nowMs)) return "drop-b";
    throw new FormatError(
      "duplicate-key",
      b.offset,
      `key ${shown(second)} a second time in database ${dbid}, first at offset ${a.offset}`,
      "each key once, as Redis does; write the file again with the server that made it",
    );
  };
}

function expired(candidate: Candidate, nowMs: number): boolean {
  return candidate.expireAtMs !== -1 && candidate.expireAtMs < nowMs;
}

function shown(record: Record): string {
  const text = record.key.text();
  return JSON.stringify(text.length > KEY_SHOWN_MAX ? `${text.slice(0, KEY_SHOWN_MAX)}…` : text);
}
