/**
 * INFO: which sections are asked for, and their text in Redis's form.
 */
import { commandStats, errorStats, latencyStats, stats } from "./counters.ts";
import { layers } from "./layers.ts";
import { memory } from "./memory.ts";
import { persistence } from "./persistence.ts";
import { clients, cluster, cpu, keyspace, modules, replication, server } from "./process.ts";
import type { InfoSource, Section } from "./section.ts";

interface Row {
  readonly title: string;
  readonly section: Section;
  /** default: shown by plain INFO; all: by INFO all; everything: by INFO everything only. */
  readonly shown: "default" | "all" | "everything";
}

const SECTIONS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ["server", { title: "Server", section: server, shown: "default" }],
  ["clients", { title: "Clients", section: clients, shown: "default" }],
  ["memory", { title: "Memory", section: memory, shown: "default" }],
  ["persistence", { title: "Persistence", section: persistence, shown: "default" }],
  ["layers", { title: "Layers", section: layers, shown: "default" }],
  ["stats", { title: "Stats", section: stats, shown: "default" }],
  ["replication", { title: "Replication", section: replication, shown: "default" }],
  ["cpu", { title: "CPU", section: cpu, shown: "default" }],
  ["modules", { title: "Modules", section: modules, shown: "default" }],
  ["commandstats", { title: "Commandstats", section: commandStats, shown: "all" }],
  ["errorstats", { title: "Errorstats", section: errorStats, shown: "default" }],
  ["latencystats", { title: "Latencystats", section: latencyStats, shown: "all" }],
  ["cluster", { title: "Cluster", section: cluster, shown: "default" }],
  ["keyspace", { title: "Keyspace", section: keyspace, shown: "default" }],
]);

/** The text for these section names (any case; none: the default ones; unknown ones are left out, as Redis does). */
export function info(source: InfoSource, names: readonly string[]): string {
  const asked = new Set(names.map((name) => name.toLowerCase()));
  const everything = asked.has("all") || asked.has("everything");
  const defaults = asked.size === 0 || asked.has("default");
  const texts: string[] = [];
  for (const [name, row] of SECTIONS) {
    if (!(everything || asked.has(name) || (defaults && row.shown === "default"))) continue;
    const lines = row.section(source).map(([field, value]) => `${field}:${value}\r\n`);
    texts.push(`# ${row.title}\r\n${lines.join("")}`);
  }
  return texts.join("\r\n");
}
