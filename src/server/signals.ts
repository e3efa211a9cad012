/**
 * Signals and last words: SIGTERM and SIGINT end the server cleanly, a second SIGINT at once; SIGHUP and SIGPIPE change nothing.
 * An error that nothing caught ends the process with exit code 1, and the log says what it was.
 */
import type { Config } from "./config/config.ts";
import type { Logger } from "./log.ts";

/** `shutdown` is called with the signal's name and what the directive for it says; it resolves when the server goes on. */
export function handleSignals(
  logger: Logger,
  config: Config,
  shutdown: (signal: string, words: string) => Promise<void>,
): void {
  const { log } = logger;
  let interrupted = false;
  process.on("SIGINT", () => {
    if (interrupted) {
      log("warning", "You insist... exiting now.");
      process.exit(1);
    }
    interrupted = true;
    void shutdown("SIGINT", config.get("shutdown-on-sigint")).then(() => {
      interrupted = false;
    });
  });
  process.on("SIGTERM", () => void shutdown("SIGTERM", config.get("shutdown-on-sigterm")));
  process.on("SIGHUP", () => {});
  process.on("SIGPIPE", () => {});
  const die = (error: unknown) => {
    logger.release();
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log("warning", `Folio ends on an error of its own, please report it: ${detail}`);
    process.exit(1);
  };
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
}
