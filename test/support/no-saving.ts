/** The saving of a server in tests that do not save. */
import type { SavingService } from "../../src/commands/context.ts";

export const NO_SAVING: SavingService = {
  isRunning: false,
  isSettling: false,
  refusal: "",
  lastSaveMs: 0,
  startInBackground: () => false,
  schedule() {},
  saveNow: () => Promise.resolve(false),
  reload: () => Promise.resolve("ERR"),
};
