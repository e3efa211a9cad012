/**
 * Folio's composition root: command line → configuration → parts → listeners. Nothing else wires parts together.
 *
 *   exec ── configure ── open the snapshot ──────────────────────────── listen ── ready
 *                                 └── no index: listen now, answer -LOADING, build ──┘
 */
import { resolve } from "node:path";
import { parseArguments, type Request } from "./cli/argv.ts";
import { type Configured, configure } from "./cli/configure.ts";
import { Progress } from "./cli/progress.ts";
import { commandService } from "./commands/service.ts";
import { CollectorBound } from "./mmap/collector.ts";
import type { Config } from "./server/config/config.ts";
import { FatalConfigError } from "./server/config/load.ts";
import { shutdownOptions } from "./server/ending.ts";
import { describeSnapshot, sayHello, sayReady } from "./server/greeting.ts";
import { Listeners } from "./server/listen.ts";
import { followConfig } from "./server/live-config.ts";
import { Logger } from "./server/log.ts";
import { removePidFile, writePidFile } from "./server/pid-file.ts";
import { limitClients } from "./server/process-limits.ts";
import { FolioServer } from "./server/server.ts";
import { handleSignals } from "./server/signals.ts";
import { Snapshot } from "./server/snapshot.ts";
import { StartError } from "./server/start-error.ts";

/** A start that takes longer than this listens before it is done, and answers -LOADING. */
const LISTEN_AFTER_MS = 100;
/** The first log line is written so long after the start is done: local time costs 5 ms, and the first client may be there. */
const FIRST_LOG_AFTER_MS = 20;
/** How long the end of the process waits for a build to stop. */
const BUILD_STOP_MS = 2000;

const startedAtMs = Date.now();
const request = parseArguments(process.argv.slice(2));
// No await here: a bundle with bytecode could not hold it.
void (request.kind === "serve" ? start(request) : answer(request));

/** --help, --version, and what Folio does not do. */
async function answer({ kind, reason }: Request): Promise<void> {
  const { HELP, VERSION_LINE } = await import("./cli/help.ts");
  if (kind === "refused") {
    console.error(`folio: ${reason}`);
    process.exit(1);
  }
  console.log(kind === "help" ? HELP : VERSION_LINE);
}

async function start(request: Request): Promise<void> {
  let logger: Logger | null = null;
  try {
    const configured = configure(request);
    const { config } = configured;
    if (config.flag("daemonize") && process.env["FOLIO_DAEMON"] === undefined) {
      const { startInBackground } = await import("./cli/daemon.ts");
      startInBackground(request);
      return;
    }
    // As redis-server does by its dir directive: relative paths (logfile, pidfile, …) are the data directory's.
    if (!configured.snapshot.required) process.chdir(config.path("dir"));
    logger = new Logger(config.path("logfile"), config.get("loglevel") as Logger["level"]);
    logger.check();
    await serve(configured, logger);
  } catch (error) {
    fail(error, logger);
  }
}

/** Prints why the server cannot start, and ends the process with exit code 1. */
function fail(error: unknown, logger: Logger | null): never {
  if (!(error instanceof StartError || error instanceof FatalConfigError)) throw error;
  // Standard error gets the one line; what was logged before it matters only in a log file.
  logger?.fail(error.message);
  console.error(error instanceof StartError ? `folio: ${error.message}` : error.message);
  process.exit(1);
}

async function serve(configured: Configured, logger: Logger): Promise<void> {
  const { config, configFile } = configured;
  const { log } = logger;
  const opening = new AbortController();
  sayHello(config, configFile, log);
  limitClients(config, log);
  const server = new FolioServer({
    config,
    log,
    configFile,
    executable: resolve(process.argv[1] ?? ""),
    snapshotPath: configured.snapshot.path,
    startedAtMs,
    onEnd: () => end(),
    onLost: () => lost(config, logger),
  });
  const dispatcher = commandService(server);
  const listeners = new Listeners(config, dispatcher, log);
  followConfig(config, logger, { movesToDir: !configured.snapshot.required });
  let ending = false;

  /** Nothing is left to save. */
  function end(): void {
    if (ending) return;
    ending = true;
    logger.release();
    opening.abort(new StartError("stopped while the snapshot was being opened"));
    server.cron.stop();
    server.upkeep.stop();
    server.memoryLimit.stop();
    listeners.stop(true);
    removePidFile(config.path("pidfile"));
    // An index that is being built removes its temporary file first: see openSnapshot's rejection below.
    if (server.loading) setTimeout(exit, BUILD_STOP_MS);
    else exit();
  }

  function exit(): never {
    log("warning", "Folio is now ready to exit, bye bye...");
    process.exit(0);
  }

  function listen(): void {
    if (!listeners.isOpen && !ending) listeners.open();
  }

  handleSignals(logger, config, (signal, words) => shutdown(server, logger, signal, words));
  if (config.path("pidfile") !== "") writePidFile(config.path("pidfile"), log);
  try {
    const snapshot = await openSnapshot(configured, server, logger, { signal: opening.signal, listen });
    if (ending) exit();
    listen();
    server.serve(snapshot);
  } catch (error) {
    if (ending) exit();
    removePidFile(config.path("pidfile"));
    throw error;
  }
  server.cron.each(dispatcher);
  server.cron.each(server.memoryMarks);
  server.cron.each(server.saving);
  server.cron.each(new CollectorBound());
  server.cron.start();
  server.upkeep.start();
  describeSnapshot(server.snapshot, Date.now(), log);
  sayReady(listeners.endpoints(), log);
  setTimeout(() => logger.release(), FIRST_LOG_AFTER_MS);
}

/** A signal asks for the end; `words`: what the directive for it says. Resolves when the server goes on. */
function shutdown(server: FolioServer, logger: Logger, signal: string, words: string): Promise<void> {
  logger.release();
  const reason = `Received ${signal} scheduling shutdown...`;
  return server.signalled(reason, shutdownOptions(words)).then((outcome) => {
    if (outcome === "aborted") return;
    const goesOn = "received but errors trying to shut down the server, check the logs for more information";
    logger.log("warning", `${signal} ${goesOn}`);
  });
}

/** What is served cannot be kept; the guard has logged why. */
function lost(config: Config, logger: Logger): never {
  logger.release();
  removePidFile(config.path("pidfile"));
  process.exit(1);
}

/** Opens the snapshot; when that takes its time, clients are let in and told -LOADING meanwhile. */
async function openSnapshot(
  { config, snapshot: plan }: Configured,
  server: FolioServer,
  logger: Logger,
  { signal, listen }: { signal: AbortSignal; listen: () => void },
): Promise<Snapshot> {
  const { log } = logger;
  const progress = new Progress(plan.path, (text) => log("notice", text));
  logger.beforeLine = () => progress.clear();
  server.loadingState.begin(Date.now());
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const early = setTimeout(() => {
    logger.release();
    try {
      listen();
      log("notice", "Listening while the snapshot is opened: commands are answered -LOADING");
    } catch (error) {
      reject(error);
    }
  }, LISTEN_AFTER_MS);
  try {
    const opening = Snapshot.open(plan, config, {
      log,
      signal,
      onProgress: (loadedBytes, totalBytes, keys) => {
        server.loadingState.step(loadedBytes, totalBytes, keys);
        progress.step({ doneBytes: loadedBytes, totalBytes, keys });
      },
      onLost: () => lost(config, logger),
    });
    return await Promise.race([opening, failed]);
  } finally {
    clearTimeout(early);
    progress.clear();
    logger.beforeLine = null;
  }
}
