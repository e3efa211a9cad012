/**
 * Signals and last words: SIGTERM and SIGINT end the server cleanly, a second SIGINT at once; SIGHUP and SIGPIPE change nothing.
 */
import type { Log } from "./log.ts";

export function handleSignals(log: Log, shutdown: (reason: string) => void): void {
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted) {
      log("warning", "You insist... exiting now.");
      process.exit(1);
    }
    interrupted = true;
    shutdown("Received SIGINT scheduling shutdown...");
  });
  process.on("SIGTERM", () => shutdown("Received SIGTERM scheduling shutdown..."));
  process.on("SIGHUP", () => {});
  process.on("SIGPIPE", () => {});
  process.on("uncaughtException", (error) => {
    log("warning", `Folio ends on an error of its own, please report it: ${error.stack ?? error.message}`);
    process.exit(1);
  });
}
