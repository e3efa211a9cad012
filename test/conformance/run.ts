/**
 * npm run conformance [-- unit …] [--spawned] [--verbose] [--server PROGRAM] [--quiet-seconds N] [--unit-seconds N] [--fresh]
 *
 * Redis's own test suite against Folio, unit by unit, beside what redis-server gets in the same mode (kept in the cache
 * folder; --fresh runs it anew). Exit code 1: a test fails that is not on the list of known failures and that redis-server
 * passes, or a test on the list passes. See README.md beside this file.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { printTable } from "../../bench/support/table.ts";
import { REDIS_SERVER, REPOSITORY } from "../support/processes.ts";
import known from "./known-failures.json";
import { byName, judge, type KnownFailures, needOf, type Outcome, type UnitResult, type Verdict } from "./report.ts";
import { CACHE, ensureSuite, suiteUnits } from "./suite.ts";
import { type Mode, runUnit, type Setting } from "./unit.ts";

const KNOWN: Readonly<Record<string, KnownFailures>> = known;
/** Of a failure's text, unless --verbose. */
const DETAIL_CHARACTERS = 400;
/** Of a unit's commands between tests that failed, unless --verbose. */
const BROKEN_SHOWN = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: "string", default: join(REPOSITORY, "bin/folio") },
    spawned: { type: "boolean", default: false },
    "quiet-seconds": { type: "string", default: "60" },
    "unit-seconds": { type: "string", default: "600" },
    fresh: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const redisServer = REDIS_SERVER ?? missing("redis-server");
if (!Bun.which("tclsh")) missing("tclsh (package tcl)");

const mode: Mode = values.spawned ? "spawned" : "external";
const suite = ensureSuite();
const all = suiteUnits(suite);
const units = positionals.length > 0 ? positionals.map((unit) => unit.replace(/^unit\//, "")) : all;
for (const unit of units)
  if (!all.includes(unit)) throw new Error(`the suite has no unit ${unit}; it has ${all.join(" ")}`);
const setting: Setting = {
  mode,
  suite,
  launcher: resolve(values.server),
  label: "folio",
  quietSeconds: Number(values["quiet-seconds"]),
  unitSeconds: Number(values["unit-seconds"]),
};

const rows: Row[] = [];
const verdicts = new Map<string, Verdict>();
for (const unit of units) {
  const redis = await reference(unit);
  const listed = KNOWN[mode]?.[unit] ?? {};
  const folio = await withoutThoseInNeed(await runUnit(unit, setting), redis, listed);
  const verdict = judge(folio, redis, listed);
  verdicts.set(unit, verdict);
  rows.push(row(unit, redis, folio, verdict));
  printUnit(unit, redis, folio, verdict);
}
printResult();
const isBad = [...verdicts.values()].some(({ unexpected, mended }) => unexpected.length + mended.length > 0);
process.exit(isBad ? 1 : 0);

/**
 * A test may fail for what an earlier one left behind that failed itself, for want of commands. So where tests fail without
 * such a reason, the unit runs again without those that have one, and what passes then counts as passed.
 */
async function withoutThoseInNeed(
  first: UnitResult,
  redis: UnitResult,
  listed: KnownFailures[string],
): Promise<UnitResult> {
  const inNeed = first.outcomes.filter(({ status, missing: lacks }) => status === "failed" && needOf(lacks) !== null);
  const { unexpected } = judge(first, redis, listed);
  if (inNeed.length === 0 || unexpected.length === 0) return first;
  const second = await runUnit(
    first.unit,
    setting,
    inNeed.map(({ name }) => name),
  );
  const passed = new Set(second.outcomes.filter(({ status }) => status === "ok").map(({ name }) => name));
  for (const { name, status } of second.outcomes) if (status === "failed") passed.delete(name);
  const mended = ({ name }: Outcome) => passed.has(name) && unexpected.some((one) => one.name === name);
  const outcomes = first.outcomes.map((one): Outcome => (mended(one) ? { ...one, status: "ok" } : one));
  return { ...first, outcomes };
}

function missing(program: string): never {
  console.error(`npm run conformance needs ${program}; it is not installed.`);
  process.exit(2);
}

function redisVersion(): string {
  return /v=(\S+)/.exec(Bun.spawnSync([redisServer, "--version"]).stdout.toString())?.[1] ?? "?";
}

/** What redis-server gets: from the cache where the suite, the driver and the program are the same. */
async function reference(unit: string): Promise<UnitResult> {
  const file = join(CACHE, "reference", mode, `${unit}.json`);
  const driver = readFileSync(join(REPOSITORY, "test/conformance/drive.tcl"));
  const key = `${redisVersion()} ${Bun.hash(driver).toString(16)}`;
  if (!values.fresh && existsSync(file)) {
    const kept = JSON.parse(readFileSync(file, "utf8")) as { key: string; result: UnitResult };
    if (kept.key === key) return kept.result;
  }
  const quietSeconds = setting.quietSeconds * 3;
  const result = await runUnit(unit, { ...setting, launcher: redisServer, label: "redis", quietSeconds });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ key, result }, null, 1));
  return result;
}

interface Row {
  unit: string;
  redis: { ok: number; failed: number; skipped: number };
  folio: { ok: number; failed: number; known: number; asRedis: number; inNeed: number; skipped: number };
  /** Of the tests that redis-server passes: all, those that Folio passes, those whose family of commands is not there yet. */
  passed: { all: number; both: number; inNeed: number };
}

function row(unit: string, redis: UnitResult, folio: UnitResult, verdict: Verdict): Row {
  const own = byName(folio.outcomes);
  const reference = [...byName(redis.outcomes).values()];
  const count = (...statuses: Outcome["status"][]) =>
    reference.filter(({ status }) => statuses.includes(status)).length;
  const passed = reference.filter(({ status }) => status === "ok");
  return {
    unit,
    redis: { ok: count("ok"), failed: count("failed", "hung"), skipped: count("skipped") },
    folio: {
      ok: verdict.ok,
      failed: verdict.unexpected.length,
      known: verdict.known,
      asRedis: verdict.failedByRedis,
      inNeed: verdict.inNeed.length,
      skipped: verdict.skipped,
    },
    passed: {
      all: passed.length,
      both: passed.filter(({ name }) => own.get(name)?.status === "ok").length,
      inNeed: passed.filter(({ name }) => verdict.inNeed.some(({ outcome }) => outcome.name === name)).length,
    },
  };
}

function sum(): Row {
  const add = <T extends Record<string, number>>(parts: readonly T[]): T =>
    parts.reduce(
      (sums, part) => Object.fromEntries(Object.entries(sums).map(([key, n]) => [key, n + (part[key] ?? 0)])) as T,
    );
  return {
    unit: "all",
    redis: add(rows.map(({ redis }) => redis)),
    folio: add(rows.map(({ folio }) => folio)),
    passed: add(rows.map(({ passed }) => passed)),
  };
}

function cells({ unit, redis, folio, passed }: Row): string[] {
  const share = (of: number) => (of === 0 ? "-" : `${((passed.both / of) * 100).toFixed(1)} %`);
  const numbers = [...Object.values(redis), ...Object.values(folio)].map(String);
  return [unit, ...numbers, share(passed.all), share(passed.all - passed.inNeed)];
}

function printResult(): void {
  const folio = ["Folio ok", "failed", "known", "as Redis", "needs more", "skipped"];
  const head = ["unit", "redis ok", "failed", "skipped", ...folio, "of Redis's ok", "less needs"];
  printTable(
    `Redis's own tests, ${mode} mode: redis-server (${redisVersion()}) and Folio`,
    head,
    [...rows, sum()].map(cells),
  );
  console.log("\nneeds more: families of commands that Folio does not have yet; less needs: share without those.");
}

function printUnit(unit: string, redis: UnitResult, folio: UnitResult, verdict: Verdict): void {
  const needs = Map.groupBy(verdict.inNeed, ({ need }) => need);
  const parts = [`${verdict.ok} ok`, `${verdict.unexpected.length} failed`, `${verdict.known} known failures`];
  for (const [need, tests] of needs) parts.push(`${tests.length} need ${need}`);
  console.log(`${unit}: ${parts.join(", ")}`);
  for (const { name, status, detail } of verdict.unexpected) {
    console.log(`  ${status === "hung" ? "HUNG" : "FAIL"} ${name}\n       ${shortened(detail)}`);
  }
  for (const name of verdict.mended) console.log(`  PASSES, take it off the list: ${name}`);
  if (values.verbose) {
    for (const { need, outcome } of verdict.inNeed) console.log(`  needs ${need}: ${outcome.name}`);
  }
  const broken = folio.broken.filter((text) => !redis.broken.includes(text));
  for (const text of broken.slice(0, values.verbose ? broken.length : BROKEN_SHOWN)) {
    console.log(`  between tests ${shortened(text)}`);
  }
  if (!values.verbose && broken.length > BROKEN_SHOWN)
    console.log(`  … ${broken.length} commands between tests failed`);
  if (folio.givenUp !== "") console.log(`  GIVEN UP: ${folio.givenUp}`);
  if (redis.givenUp !== "") console.log(`  redis-server was given up: ${redis.givenUp}`);
}

function shortened(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " · ");
  return values.verbose || line.length <= DETAIL_CHARACTERS ? line : `${line.slice(0, DETAIL_CHARACTERS)} …`;
}
