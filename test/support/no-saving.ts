/** The saving of a server in tests that do not save. */
import type { SavingService } from "../../src/commands/context.ts";

export const NO_SAVING: SavingService = {
  isInBackground: false,
  isSettling: false,
  refusal: "",
  lastSaveMs: 0,
  startInBackground: () => false,
  schedule() {},
  whenIdle: () => Promise.resolve(),
  saveNow: () => Promise.resolve(false),
  flushed: () => null,
  reload: () => Promise.resolve("ERR"),
};
