/**
 * What the log says at start: who starts with what, what the configuration asked for in vain, what is served and how fast.
 */
import { memoryUsage } from "../mmap/memory.ts";
import { humanBytes, humanCount, humanSeconds } from "../util/human.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log.ts";
import type { Snapshot } from "./snapshot.ts";
import { FOLIO_VERSION, REDIS_VERSION } from "./version.ts";

export function sayHello(config: Config, configFile: string, log: Log): void {
  log("notice", `Folio version=${FOLIO_VERSION}, redis=${REDIS_VERSION}, bits=64, pid=${process.pid}, just started`);
  if (configFile !== "") log("notice", `Configuration loaded from ${configFile}`);
  const unneeded = config.givenWithMeaning("unneeded");
  if (unneeded.length > 0) log("notice", `Accepted, and not needed by Folio: ${unneeded.join(", ")}`);
  const later = config.givenWithMeaning("later");
  if (later.length > 0) {
    log("notice", `Accepted, without effect in this version: ${later.join(", ")}`);
  }
  for (const warning of warnings(config)) log("warning", warning);
}

/** Settings that somebody may rely on and that this version does not honour. */
function warnings(config: Config): string[] {
  const found: string[] = [];
  if (config.flag("appendonly")) {
    found.push("WARNING appendonly is on, but this version serves the RDB file only: an append-only file is not read");
  }
  if (config.get("replicaof") !== "") found.push("WARNING replicaof is set, but this version does not replicate");
  if (config.flag("cluster-enabled")) found.push("WARNING cluster-enabled is on, but this version runs standalone");
  if (config.get("tls-port") !== "0") found.push("WARNING tls-port is set, but this version does not speak TLS");
  if (config.lines.some(([name]) => name === "loadmodule")) found.push("WARNING loadmodule: Folio loads no modules");
  return found;
}

/** What is served, and what of its index. */
export function describeSnapshot(snapshot: Snapshot, nowMs: number, log: Log): void {
  const { layer } = snapshot;
  if (layer === null) return;
  const facts = layer.facts();
  const saved = humanSeconds((nowMs - snapshot.savedAtMs) / 1000);
  const flavour = facts.valkey ? "Valkey " : "";
  log(
    "notice",
    `${facts.path}: ${humanBytes(facts.sizeBytes)}, ${humanCount(facts.keys)} keys in ${facts.databases} database${facts.databases === 1 ? "" : "s"}, ` +
      `${flavour}RDB version ${facts.rdbVersion}, written ${saved} ago${facts.crc64Verified ? "" : ", saved without checksum"}`,
  );
  const index = `Index ${facts.indexPath}: ${humanBytes(facts.indexBytes)}`;
  const age = humanSeconds((nowMs - facts.indexBuiltAtMs) / 1000);
  const built = facts.indexBuildMs > 0 ? `built in ${Math.round(facts.indexBuildMs)} ms` : `built ${age} ago`;
  log("notice", `${index}, ${built}`);
  if (facts.skippedKeys > 0)
    log("notice", `${humanCount(facts.skippedKeys)} empty or repeated keys left out, as Redis does`);
  const guard = snapshot.guardStatus();
  if (guard !== null) log("notice", guardText(guard.state, guard.reason));
}

function guardText(state: string, reason: string): string {
  if (state === "leased") return "Guard: the file is leased; whoever writes to it waits until its bytes are safe";
  return `Guard: ${state}${reason === "" ? "" : ` (${reason})`}`;
}

/** The last line of a start; `performance.now()` counts from the start of the process. */
export function sayReady(endpoints: readonly string[], log: Log): void {
  const anonymous = humanBytes(memoryUsage().rssAnonBytes);
  const milliseconds = Math.round(performance.now());
  log("notice", `Serving after ${milliseconds} ms on ${endpoints.join(", ")}; anonymous memory ${anonymous}`);
  log("notice", "Ready to accept connections tcp");
}
