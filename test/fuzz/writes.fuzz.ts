/**
 * Random commands of every family, hostile ones among them, on Folio and on redis-server: replies, counts of changes and all that both
 * hold must be the same, while Folio saves, both reload, keys expire and clients wait. At the end of a round no memory may be left.
 *
 *   FOLIO_SEED=1 FOLIO_COMMANDS=1000000 sh tools/bun test/fuzz/writes.fuzz.ts [--round 17] [--rounds 1] [--shrink 300] [--counts]
 *
 * Each round begins with empty servers and is made from the seed and its number, so --round repeats it alone. What differs is
 * shrunk to a short script, for --shrink seconds, and printed.
 */
import { type Difference, Run } from "./writes/run.ts";
import { type Step, scriptOf } from "./writes/script.ts";
import { Servers } from "./writes/servers.ts";
import { line } from "./writes/shown.ts";
import { shrunk } from "./writes/shrink.ts";

export interface WriteFuzzOptions {
  readonly seed: number;
  readonly commands: number;
  readonly round?: number;
  readonly rounds?: number;
  /** For each difference of a new kind. */
  readonly shrinkMs?: number;
  readonly onDifference?: (text: string) => void;
}

export interface WriteFuzzReport {
  commands: number;
  rounds: number;
  /** Commands that Folio does not have yet. */
  missing: number;
  readonly differences: string[];
  /** Of each command: how often, and how often it was refused. */
  readonly counts: Map<string, [all: number, refused: number]>;
}

const DIFFERENCES_MAX = 40;
const ROUNDS_PER_SEED = 1_000_003;
/** A difference of the same kind may have another cause, but seldom the third time. */
const SAME_KIND_MAX = 2;

async function described(servers: Servers, script: readonly Step[], found: Difference, ms: number): Promise<string> {
  const short = await shrunk(servers, script, found, ms);
  if (short === null) return `${found.text}\n  (once, after ${found.steps} steps, not again)`;
  return `${short.difference.text}\n  after:\n${short.script.map((step) => `    ${line(step)}`).join("\n")}`;
}

export async function fuzzWrites(options: WriteFuzzOptions): Promise<WriteFuzzReport> {
  const { seed, commands, round: first = 0, rounds = Number.MAX_SAFE_INTEGER, shrinkMs = 30_000 } = options;
  const report: WriteFuzzReport = { commands: 0, rounds: 0, missing: 0, differences: [], counts: new Map() };
  const kinds = new Map<string, number>();
  const servers = await Servers.start();
  try {
    for (let i = first; i < first + rounds && report.commands < commands; i++) {
      if (report.differences.length >= DIFFERENCES_MAX) break;
      const script = scriptOf(seed * ROUNDS_PER_SEED + i);
      const run = new Run(servers, script);
      const found = await run.run(script);
      report.commands += run.commands;
      report.missing += run.missing;
      report.rounds++;
      for (const [name, [all, refused]] of run.counts) {
        const [before, refusedBefore] = report.counts.get(name) ?? [0, 0];
        report.counts.set(name, [before + all, refusedBefore + refused]);
      }
      if (found === null) continue;
      const times = (kinds.get(found.kind) ?? 0) + 1;
      kinds.set(found.kind, times);
      if (times > SAME_KIND_MAX) continue;
      const text = `round ${i} of FOLIO_SEED=${seed}: ${found.kind}\n  ${await described(servers, script, found, shrinkMs)}`;
      report.differences.push(text);
      options.onDifference?.(text);
    }
    return report;
  } finally {
    await servers.stop();
  }
}

if (import.meta.main) {
  const option = (name: string): number | undefined => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : Number(process.argv[at + 1]);
  };
  const seed = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1_000_000);
  const commands = Number(process.env["FOLIO_COMMANDS"] ?? 100_000);
  console.log(`write fuzz: FOLIO_SEED=${seed} FOLIO_COMMANDS=${commands}`);
  const from = performance.now();
  const round = option("--round");
  const report = await fuzzWrites({
    seed,
    commands,
    ...(round === undefined ? {} : { round, rounds: option("--rounds") ?? 1 }),
    shrinkMs: (option("--shrink") ?? 30) * 1000,
    onDifference: (text) => console.log(`\n${text}`),
  });
  if (process.argv.includes("--counts")) {
    for (const [name, [all, refused]] of [...report.counts].sort()) console.log(`${name} ${all}, ${refused} refused`);
  }
  const seconds = (performance.now() - from) / 1000;
  console.log(
    `\nseed ${seed}: ${report.commands} commands in ${report.rounds} rounds, ${seconds.toFixed(0)} s ` +
      `(${report.missing} not there yet): ${report.differences.length === 0 ? "nothing differs" : `${report.differences.length} differences`}`,
  );
  process.exit(report.differences.length === 0 ? 0 : 1);
}
