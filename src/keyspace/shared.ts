/** What the databases of a keyspace share. Keyspace implements it. */
import type { HashSeed } from "../layer/format.ts";
import type { Populator } from "../mmap/populate.ts";
import type { Overlay } from "../overlay/overlay.ts";
import type { Pins } from "../overlay/pins.ts";
import type { Tally } from "../overlay/tally.ts";
import type { Record } from "../rdb/record.ts";
import type { AccessClock } from "./access.ts";
import type { Ahead } from "./ahead.ts";
import type { Database } from "./database.ts";
import type { KeyWaits } from "./key-waits.ts";

export interface Shared {
  /** Of every level: one hash serves the whole stack. */
  readonly seed: HashSeed;
  readonly pins: Pins;
  readonly ahead: Ahead;
  readonly tally: Tally;
  readonly access: AccessClock;
  readonly waits: KeyWaits;
  readonly populator: Populator;
  /** Expired keys are absent but stay. */
  isExpiryPaused(): boolean;
  /** Fields of a hash all of whose fields have expired; 0: it is none, or nobody knows. Keeps the record's cursor before the value. */
  fieldsGone(record: Record, nowMs: number): number;
  /** So many fields of a hash were removed because their time was past. */
  fieldsExpired(count: number): void;
  /** The overlay is not used any more. */
  retire(overlay: Overlay): void;
  /** A key of `database` was deleted because its time was past. */
  expired(database: Database, bytes: Uint8Array, start: number, length: number): void;
  /** A key of `database` is in what is being saved, and has been written or deleted since. */
  covered(database: Database, bytes: Uint8Array, start: number, length: number): void;
  /** Brings a key that is still in `database.draining` over into its top. */
  absorb(database: Database, hash: number, bytes: Uint8Array, start: number, length: number): void;
}
