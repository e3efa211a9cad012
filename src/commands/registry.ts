/**
 * The command table as dispatch uses it: rows indexed by name, looked up straight from request bytes.
 *
 *   slots (a power of two, at most half full)   hash(name) ─► entry, else the next slot
 *
 * The hash ignores ASCII case by or-ing 32 into each byte; the comparison is exact.
 */
import type { Handler } from "./context.ts";
import type { CommandStats, Stats } from "./stats.ts";
import type { AclCategory, Command, CommandFlag } from "./table.ts";

/** A row with what dispatch needs of it at hand. */
export class Entry {
  readonly command: Command;
  /** "get", "client|list". */
  readonly fullName: string;
  readonly parent: Entry | null;
  readonly arity: number;
  readonly handler: Handler | undefined;
  readonly stats: CommandStats;
  readonly isLoading: boolean;
  readonly isNoAuth: boolean;
  readonly isWrite: boolean;
  /** Of constant or logarithmic time, by Redis's flag or by its complexity; no subcommand, and none that tells of commands' times (INFO). */
  readonly isBrief: boolean;
  /** Refused when memory is full. */
  readonly deniesOom: boolean;
  readonly subcommands: NameTable | null;
  /** With the categories that the flags imply. */
  readonly categories: ReadonlySet<AclCategory>;
  readonly nameBytes: Uint8Array;

  constructor(command: Command, parent: Entry | null, stats: Stats) {
    this.command = command;
    this.parent = parent;
    this.fullName = parent === null ? command.name : `${parent.fullName}|${command.name}`;
    this.arity = command.arity;
    this.handler = command.handler;
    this.stats = stats.command(this.fullName);
    const flags = new Set<CommandFlag>(command.flags);
    this.isLoading = flags.has("loading");
    this.isNoAuth = flags.has("no_auth");
    this.isWrite = flags.has("write");
    const isQuick = flags.has("fast") || command.complexity === "O(1)";
    this.isBrief = isQuick && parent === null && command.subcommands === undefined && command.group !== "server";
    this.deniesOom = flags.has("denyoom");
    this.categories = impliedCategories(command, flags);
    this.nameBytes = Buffer.from(command.name, "latin1");
    const { subcommands } = command;
    this.subcommands =
      subcommands === undefined ? null : new NameTable(subcommands.map((row) => new Entry(row, this, stats)));
  }

  acceptsCount(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

function impliedCategories(command: Command, flags: ReadonlySet<CommandFlag>): ReadonlySet<AclCategory> {
  const categories = new Set<AclCategory>(command.categories);
  if (flags.has("write")) categories.add("write");
  if (flags.has("readonly") && !categories.has("scripting")) categories.add("read");
  if (flags.has("admin")) categories.add("admin").add("dangerous");
  if (flags.has("pubsub")) categories.add("pubsub");
  if (flags.has("blocking")) categories.add("blocking");
  categories.add(flags.has("fast") ? "fast" : "slow");
  return categories;
}

/** Names to entries. */
export class NameTable {
  /** In the rows' order. */
  readonly entries: readonly Entry[];
  readonly #slots: (Entry | null)[];
  readonly #mask: number;

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    let size = 4;
    while (size < entries.length * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Array<Entry | null>(size).fill(null);
    for (const entry of entries) {
      const { nameBytes } = entry;
      if (this.find(nameBytes, 0, nameBytes.length) !== null) throw new Error(`two rows named ${entry.fullName}`);
      let slot = hashName(nameBytes, 0, nameBytes.length) & this.#mask;
      while (this.#slots[slot] !== null) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = entry;
    }
  }

  /** The entry of the name bytes[start, start + length), ASCII case ignored. */
  find(bytes: Uint8Array, start: number, length: number): Entry | null {
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hashName(bytes, start, length) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as Entry | null;
      if (entry === null || sameName(entry.nameBytes, bytes, start, length)) return entry;
    }
  }

  byName(name: string): Entry | null {
    return this.find(Buffer.from(name, "latin1"), 0, name.length);
  }
}

/** Longer names are no command's: their other bytes are not looked at. */
const NAME_BYTES_MAX = 32;

function hashName(bytes: Uint8Array, start: number, length: number): number {
  let hash = length;
  const end = start + Math.min(length, NAME_BYTES_MAX);
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + ((bytes[i] as number) | 32)) | 0;
  return hash ^ (hash >>> 15);
}

function sameName(name: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) {
    let byte = bytes[start + i] as number;
    if (byte >= 65 && byte <= 90) byte += 32;
    if (byte !== name[i]) return false;
  }
  return true;
}

/** All commands of a server, with its counters. */
export class CommandTable extends NameTable {
  constructor(rows: readonly Command[], stats: Stats) {
    super(rows.map((row) => new Entry(row, null, stats)));
  }

  /** "get", "client|list" (any case), or null. */
  byFullName(fullName: string): Entry | null {
    const [name = "", sub, ...more] = fullName.split("|");
    const entry = this.byName(name);
    if (entry === null || sub === undefined) return entry;
    return more.length > 0 || entry.subcommands === null ? null : entry.subcommands.byName(sub);
  }

  /** Every entry, containers before their subcommands. */
  *all(): Generator<Entry> {
    for (const entry of this.entries) {
      yield entry;
      if (entry.subcommands !== null) yield* entry.subcommands.entries;
    }
  }
}
