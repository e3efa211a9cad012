/** Saves for tests, in this thread: what a Worker does, without one. */
import type { Keyspace } from "../../src/keyspace/keyspace.ts";
import type { SaveOptions, SaveResult } from "../../src/save/request.ts";
import { type SaveControl, save } from "../../src/save/save.ts";
import { saveRequest } from "../../src/server/save-request.ts";

export const SAVE_OPTIONS: SaveOptions = {
  rdbVersion: 11,
  mayRaiseVersion: true,
  compression: true,
  checksum: true,
  access: "none",
  clock: 0,
  lfuDecayMinutes: 1,
  keyDelayUs: 0,
  redisVersion: "7.2.0",
  usedMemoryBytes: 1_000_000,
  nowMs: 1_800_000_000_000,
};

/** Freezes the keyspace and writes it to `path`; the keyspace stays frozen: end it by rebase or thaw. */
export function saveTo(
  path: string,
  keyspace: Keyspace,
  options: Partial<SaveOptions> = {},
  control: SaveControl = { report() {} },
  indexPath = `${path}.idx`,
): SaveResult {
  const plan = { path, indexPath, seed: keyspace.seed, options: { ...SAVE_OPTIONS, ...options } };
  return save(saveRequest(keyspace.freeze(), plan), control);
}

/** Runs a generator of slices to its end; what it returns. */
export function drained<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
