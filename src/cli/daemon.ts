/**
 * `daemonize yes`: the same command again, detached from the terminal, in a session of its own.
 */
import { spawn } from "node:child_process";
import { StartError } from "../server/start-error.ts";
import type { Request } from "./argv.ts";

export function startInBackground(request: Request): void {
  if (request.fromStandardInput) {
    throw new StartError(
      "daemonize yes cannot read its configuration from standard input: name a file, or use a service manager",
    );
  }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, FOLIO_DAEMON: "1" },
  });
  child.unref();
}
