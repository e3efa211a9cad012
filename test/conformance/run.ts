/**
 * npm run conformance [-- unit …] [--verbose] [--server PROGRAM] [--quiet-seconds N] [--unit-seconds N] [--fresh]
 *
 * Redis's own test suite against Folio, unit by unit, beside what redis-server gets in the same mode (kept in the cache
 * folder; --fresh runs it anew). Exit code 1: a test fails that is not on the list of known failures and that redis-server
 * passes, or a test on the list passes. See README.md beside this file.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { printTable } from "../../bench/support/table.ts";
import { REDIS_SERVER, REPOSITORY } from "../support/processes.ts";
import known from "./known-failures.json";
import { byName, judge, type KnownFailures, type Need, type Outcome, type UnitResult, type Verdict } from "./report.ts";
import { CACHE, ensureSuite, suiteUnits } from "./suite.ts";
import { type Limits, runUnit } from "./unit.ts";

const KNOWN: KnownFailures = known;
/** Of a failure's text, unless --verbose. */
const DETAIL_CHARACTERS = 400;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: "string", default: join(REPOSITORY, "bin/folio") },
    "quiet-seconds": { type: "string", default: "40" },
    "unit-seconds": { type: "string", default: "600" },
    fresh: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const limits: Limits = {
  quietSeconds: Number(values["quiet-seconds"]),
  unitSeconds: Number(values["unit-seconds"]),
};
const redisServer = REDIS_SERVER ?? missing("redis-server");
if (!Bun.which("tclsh")) missing("tclsh (package tcl)");

const suite = ensureSuite();
const all = suiteUnits(suite);
const units = positionals.length > 0 ? positionals.map((unit) => unit.replace(/^unit\//, "")) : all;
for (const unit of units)
  if (!all.includes(unit)) throw new Error(`the suite has no unit ${unit}; it has ${all.join(" ")}`);

const rows: string[][] = [];
const verdicts = new Map<string, Verdict>();
for (const unit of units) {
  const redis = await reference(unit);
  const folio = await runUnit(unit, suite, values.server, "folio", limits);
  const verdict = judge(folio, redis, KNOWN[unit]);
  verdicts.set(unit, verdict);
  rows.push(row(unit, redis, folio, verdict));
  printUnit(unit, redis, folio, verdict);
}
printTable(
  `Redis's own tests in external mode: redis-server (${redisVersion()}) and Folio`,
  HEAD(),
  rows.concat([sums()]),
);
const isBad = [...verdicts.values()].some(({ unexpected, mended }) => unexpected.length + mended.length > 0);
process.exit(isBad ? 1 : 0);

function missing(program: string): never {
  console.error(`npm run conformance needs ${program}; it is not installed.`);
  process.exit(2);
}

function redisVersion(): string {
  return /v=(\S+)/.exec(Bun.spawnSync([redisServer, "--version"]).stdout.toString())?.[1] ?? "?";
}

/** What redis-server gets: from the cache where the suite, the driver and the program are the same. */
async function reference(unit: string): Promise<UnitResult> {
  const file = join(CACHE, "reference", `${unit}.json`);
  const driver = readFileSync(join(REPOSITORY, "test/conformance/drive.tcl"));
  const key = `${redisVersion()} ${Bun.hash(driver).toString(16)}`;
  if (!values.fresh && existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, "utf8")) as { key: string; result: UnitResult };
    if (kept.key === key) return kept.result;
  }
  const result = await runUnit(unit, suite, redisServer, "redis", { ...limits, quietSeconds: limits.quietSeconds * 3 });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ key, result }, null, 1));
  return result;
}

function HEAD(): string[] {
  return [
    "unit",
    "redis ok",
    "failed",
    "skipped",
    "Folio ok",
    "failed",
    "known",
    "as Redis",
    "needs more",
    "skipped",
    "of Redis's ok",
  ];
}

function count(result: UnitResult, ...statuses: Outcome["status"][]): number {
  return [...byName(result.outcomes).values()].filter(({ status }) => statuses.includes(status)).length;
}

function row(unit: string, redis: UnitResult, folio: UnitResult, verdict: Verdict): string[] {
  const own = byName(folio.outcomes);
  const passed = [...byName(redis.outcomes).values()].filter(({ status }) => status === "ok");
  const both = passed.filter(({ name }) => own.get(name)?.status === "ok").length;
  const numbers = [
    count(redis, "ok"),
    count(redis, "failed", "hung"),
    count(redis, "skipped"),
    verdict.ok,
    verdict.unexpected.length,
    verdict.known,
    verdict.failedByRedis,
    [...verdict.needs.values()].reduce((sum, n) => sum + n, 0),
    verdict.skipped,
  ];
  const share = passed.length === 0 ? "-" : `${((both / passed.length) * 100).toFixed(1)} %`;
  return [unit, ...numbers.map(String), share];
}

function sums(): string[] {
  const columns = HEAD().slice(1, -1);
  return ["all", ...columns.map((_, i) => String(rows.reduce((sum, cells) => sum + Number(cells[i + 1]), 0))), ""];
}

function printUnit(unit: string, redis: UnitResult, folio: UnitResult, verdict: Verdict): void {
  const needs = [...verdict.needs].map(([need, n]: [Need, number]) => `${n} need ${need}`).join(", ");
  const bad = verdict.unexpected.length;
  console.log(`${unit}: ${verdict.ok} ok, ${bad} failed, ${verdict.known} known failures${needs ? `, ${needs}` : ""}`);
  for (const { name, status, detail } of verdict.unexpected) {
    console.log(`  ${status === "hung" ? "HUNG" : "FAIL"} ${name}\n       ${shortened(detail)}`);
  }
  for (const name of verdict.mended) console.log(`  PASSES, take it off the list: ${name}`);
  if (values.verbose) {
    for (const { name, missing: lacks } of byName(folio.outcomes).values()) {
      if (lacks.length > 0) console.log(`  lacks ${lacks.join(", ")}: ${name}`);
    }
  }
  for (const broken of folio.broken) {
    if (!redis.broken.includes(broken)) console.log(`  between tests ${shortened(broken)}`);
  }
  if (folio.givenUp !== "") console.log(`  GIVEN UP: ${folio.givenUp}`);
  if (redis.givenUp !== "") console.log(`  redis-server was given up: ${redis.givenUp}`);
}

function shortened(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " · ");
  return values.verbose || line.length <= DETAIL_CHARACTERS ? line : `${line.slice(0, DETAIL_CHARACTERS)} …`;
}
