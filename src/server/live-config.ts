/**
 * What of the whole process follows CONFIG SET: the log level, the working directory, the number of clients. And what it
 * refuses, since a client that was told OK would rely on it. Parts follow their own directives themselves.
 */
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/directive.ts";
import { reason } from "./config/load.ts";
import { DIRECTIVES } from "./config/table.ts";
import type { Logger } from "./log.ts";
import { clientsPossible } from "./process-limits.ts";

/** `movesToDir`: relative paths are those of the data directory, not of where the command was typed. */
export function followConfig(config: Config, logger: Logger, { movesToDir }: { movesToDir: boolean }): void {
  const { log } = logger;
  config.onChange(["loglevel"], () => {
    logger.level = config.get("loglevel") as Logger["level"];
  });
  config.onChange(["maxclients"], () => {
    const wanted = config.number("maxclients");
    const possible = clientsPossible(wanted);
    if (possible >= wanted) return;
    const advice = `try with ${Math.max(1, possible)}`;
    throw new ConfigError(`The operating system is not able to handle the specified number of clients, ${advice}`);
  });
  config.onChange(["appendonly"], () => {
    if (!config.flag("appendonly")) return;
    log("warning", "appendonly cannot be turned on: this version keeps no append-only file");
    throw new ConfigError("Unable to turn on AOF. Check server logs.");
  });
  config.onChange(["tls-port"], () => {
    if (config.number("tls-port") === 0) return;
    log("warning", "tls-port cannot be set: this version does not speak TLS");
    throw new ConfigError("Unable to listen on this port. Check server logs.");
  });
  const later = DIRECTIVES.filter(({ meaning, fixed }) => meaning === "later" && !fixed).map(({ name }) => name);
  config.onChange(later, (changed) => {
    log("notice", `Accepted, without effect in this version: ${changed.join(", ")}`);
  });
  config.onChange(["dir"], () => {
    if (!movesToDir) return;
    try {
      process.chdir(config.path("dir"));
    } catch (error) {
      throw new ConfigError(reason(error));
    }
  });
}
