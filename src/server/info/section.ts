/**
 * INFO is sections of `name:value` lines. A section is a function that answers its lines from the server's state.
 */

import type { Clients } from "../../commands/client.ts";
import type { Stats } from "../../commands/stats.ts";
import type { Keyspace } from "../../keyspace/keyspace.ts";
import type { Config } from "../config/config.ts";
import type { Cron } from "../cron.ts";
import type { LoadingState } from "../loading.ts";
import type { MemoryLimit } from "../memory-limit.ts";
import type { MemoryMarks } from "../memory-marks.ts";
import type { Saving } from "../saving.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Upkeep } from "../upkeep.ts";

/** What INFO reads. */
export interface InfoSource {
  readonly config: Config;
  readonly stats: Stats;
  readonly clients: Clients;
  readonly keyspace: Keyspace;
  readonly cron: Cron;
  readonly loadingState: LoadingState;
  readonly memoryMarks: MemoryMarks;
  readonly memoryLimit: MemoryLimit;
  readonly upkeep: Upkeep;
  readonly saving: Saving;
  readonly snapshot: Snapshot;
  readonly startedAtMs: number;
  readonly runId: string;
  readonly configFile: string;
  readonly executable: string;
  readonly nowMs: number;
}

export type Value = string | number | bigint;
export type Line = readonly [name: string, value: Value];
export type Section = (source: InfoSource) => readonly Line[];
