/** OBJECT: how Redis would hold a value after loading it, and how long ago or how often it was used. */
import { objectType } from "../rdb/opcodes.ts";
import type { Record } from "../rdb/record.ts";
import { readStringKind } from "../rdb/string.ts";
import { HashReader } from "../types/hash.ts";
import type { EncodingLimits } from "../types/limits.ts";
import { ListReader } from "../types/list.ts";
import { SetReader } from "../types/set.ts";
import { ZsetReader } from "../types/zset.ts";
import { Span } from "../util/span.ts";
import type { Context } from "./context.ts";
import { encodingLimits } from "./encoding-limits.ts";
import { ReplyError } from "./errors.ts";
import { helpRow } from "./help.ts";
import { lookupUntouched } from "./lookup.ts";
import { type Command, keyAt } from "./table.ts";

export const rows = [
  {
    name: "object",
    arity: -2,
    flags: [],
    categories: [],
    since: "2.2.3",
    group: "generic",
    complexity: "Depends on the subcommand",
    summary: "Container of commands that look into a value's representation.",
    subcommands: [
      {
        name: "encoding",
        arity: 3,
        flags: ["readonly"],
        categories: ["keyspace"],
        keys: keyAt(2, "RO"),
        tips: ["nondeterministic_output"],
        since: "2.2.3",
        group: "generic",
        complexity: "O(1)",
        summary: "Tells how a value is represented.",
        arguments: [{ name: "key", type: "key", keySpec: 0 }],
        handler: encoding,
      },
      {
        name: "freq",
        arity: 3,
        flags: ["readonly"],
        categories: ["keyspace"],
        keys: keyAt(2, "RO"),
        tips: ["nondeterministic_output"],
        since: "4.0.0",
        group: "generic",
        complexity: "O(1)",
        summary: "Tells the logarithmic counter of uses of a key.",
        arguments: [{ name: "key", type: "key", keySpec: 0 }],
        handler: frequency,
      },
      {
        name: "idletime",
        arity: 3,
        flags: ["readonly"],
        categories: ["keyspace"],
        keys: keyAt(2, "RO"),
        tips: ["nondeterministic_output"],
        since: "2.2.3",
        group: "generic",
        complexity: "O(1)",
        summary: "Tells the seconds since the last use of a key.",
        arguments: [{ name: "key", type: "key", keySpec: 0 }],
        handler: idleTime,
      },
      {
        name: "refcount",
        arity: 3,
        flags: ["readonly"],
        categories: ["keyspace"],
        keys: keyAt(2, "RO"),
        tips: ["nondeterministic_output"],
        since: "2.2.3",
        group: "generic",
        complexity: "O(1)",
        summary: "Tells how many references a value has.",
        arguments: [{ name: "key", type: "key", keySpec: 0 }],
        handler: referenceCount,
      },
      helpRow("6.2.0", ["loading", "stale"], ["keyspace"]),
    ],
  },
] as const satisfies readonly Command[];

/** What Redis gives as the reference count of the integers that all values share. */
const SHARED_REFERENCES = 2 ** 31 - 1;
const SHARED_INTEGERS = 10_000;

const POLICY_OTHER =
  "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

/** Finds the key at argument 2, or answers nil. */
function find(c: Context): boolean {
  if (lookupUntouched(c, 2)) return true;
  c.reply.nil();
  return false;
}

function encoding(c: Context): void {
  if (find(c)) c.reply.bulkText(encodingOf(c.record, encodingLimits(c.server.config), c.nowMs));
}

/** What OBJECT ENCODING answers. Throws FormatError. */
export function encodingOf(record: Record, limits: EncodingLimits, nowMs: number): string {
  record.seekValue();
  switch (objectType(record.type)) {
    case "string":
      return record.isRaw ? "raw" : readStringKind(record.cursor, new Span(), record.scratch);
    case "list": {
      const list = new ListReader(limits);
      list.open(record);
      return list.encoding;
    }
    case "set": {
      const set = new SetReader(limits);
      set.open(record);
      return set.encoding;
    }
    case "zset": {
      const zset = new ZsetReader(limits);
      zset.open(record);
      return zset.encoding;
    }
    case "hash": {
      const hash = new HashReader(limits);
      hash.open(record, nowMs);
      return hash.encoding;
    }
    case "stream":
      return "stream";
    case "module":
      return "raw";
  }
}

function referenceCount(c: Context): void {
  if (!find(c)) return;
  c.reply.integer(isSharedInteger(c) ? SHARED_REFERENCES : 1);
}

/** Redis keeps one object for each small integer, unless it must note the use of each key. */
function isSharedInteger(c: Context): boolean {
  const { record, server } = c;
  if (objectType(record.type) !== "string" || record.isRaw) return false;
  const notesUse = /l[rf]u/.test(server.config.get("maxmemory-policy"));
  if (notesUse && server.config.number("maxmemory") !== 0) return false;
  const value = new Span();
  record.seekValue();
  if (readStringKind(record.cursor, value, record.scratch) !== "int") return false;
  const integer = Number(value.text());
  return integer >= 0 && integer < SHARED_INTEGERS;
}

/** Of a key of the file: the idle time that it notes, and the time since it is served. */
function idleTime(c: Context): void {
  if (!find(c)) return;
  const { access } = c.server.keyspace;
  if (access.isCounting) {
    throw new ReplyError(`ERR An LFU maxmemory policy is selected, idle time not tracked. ${POLICY_OTHER}`);
  }
  c.reply.integer(access.recordIdleSeconds(c.record));
}

/** One less for each lfu-decay-time minutes since the last use; of a key of the file, since it is served. */
function frequency(c: Context): void {
  if (!find(c)) return;
  const { access } = c.server.keyspace;
  if (!access.isCounting) {
    throw new ReplyError(`ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${POLICY_OTHER}`);
  }
  c.reply.integer(access.recordFrequency(c.record));
}
