/**
 * Redis's test suite in the cache folder `.conformance/`: Debian's source package, fetched and unpacked once, with links to
 * the installed redis-cli and redis-benchmark where the suite looks for its own. Nothing of it is ever committed.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../support/processes.ts";

export const CACHE = join(REPOSITORY, ".conformance");
const SUITE = join(CACHE, "suite");
const DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The folder that holds the suite's `tests/`. Throws with what to do where it is not there and cannot be fetched. */
export function ensureSuite(): string {
  if (existsSync(join(SUITE, "tests/test_helper.tcl"))) return SUITE;
  if (!Bun.which("apt-get")) {
    throw new Error(
      `no apt-get here: unpack the sources of Redis 7.0.15 as ${SUITE} (so that ${SUITE}/tests is there)`,
    );
  }
  const scratch = join(CACHE, "fetch");
  rmSync(scratch, { recursive: true, force: true });
  for (const folder of ["lists/partial", "cache/archives/partial", "source"]) {
    mkdirSync(join(scratch, folder), { recursive: true });
  }
  writeFileSync(join(scratch, "sources.list"), `${sourceLines().join("\n")}\n`);
  const options = [
    `Dir::Etc::sourcelist=${join(scratch, "sources.list")}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${join(scratch, "lists")}`,
    `Dir::Cache=${join(scratch, "cache")}`,
  ].flatMap((option) => ["-o", option]);
  run(["apt-get", ...options, "update"], scratch);
  run(["apt-get", ...options, "source", "--download-only", "redis"], join(scratch, "source"));
  const archive = readdirSync(join(scratch, "source")).find((name) => /^redis_7\.0\..*\.orig\.tar\.\w+$/.test(name));
  if (archive === undefined) throw new Error(`apt-get source redis did not bring 7.0: see ${join(scratch, "source")}`);
  run(["tar", "xf", archive], join(scratch, "source"));
  const unpacked = readdirSync(join(scratch, "source")).find((name) => /^redis-7\.0\.\d+$/.test(name));
  if (unpacked === undefined) throw new Error(`${archive} holds no folder redis-7.0.x`);
  const folder = join(scratch, "source", unpacked);
  for (const program of ["redis-cli", "redis-benchmark", "redis-server"]) {
    const installed = Bun.which(program);
    if (installed !== null) symlinkSync(installed, join(folder, "src", program));
  }
  renameSync(folder, SUITE);
  rmSync(scratch, { recursive: true, force: true });
  return SUITE;
}

/** The units that the suite runs, in its order: "type/string", "keyspace" (those of `integration/` keep that word). */
export function suiteUnits(suite: string): string[] {
  const helper = readFileSync(join(suite, "tests/test_helper.tcl"), "latin1");
  const list = /^set ::all_tests \{([^}]*)\}/m.exec(helper)?.[1] ?? "";
  return list
    .trim()
    .split(/\s+/)
    .map((unit) => unit.replace(/^unit\//, ""));
}

/** The path of a unit under `tests/`, without ".tcl". */
export function unitPath(unit: string): string {
  return unit.startsWith("integration/") ? unit : `unit/${unit}`;
}

/** deb-src lines of the places from which this machine would install redis-server. */
function sourceLines(): string[] {
  const places = run(["apt-cache", "madison", "redis"], CACHE).split("\n");
  const signed = existsSync(DEBIAN_KEYRING) ? `[signed-by=${DEBIAN_KEYRING}] ` : "";
  const lines = new Set<string>();
  for (const place of places) {
    const [address, suiteAndComponent] = (place.split("|")[2] ?? "").trim().split(" ");
    const [suite, ...component] = (suiteAndComponent ?? "").split("/");
    if (address && suite && component.length > 0)
      lines.add(`deb-src ${signed}${address} ${suite} ${component.join("/")}`);
  }
  if (lines.size === 0) throw new Error("apt knows no package redis: run `apt-get update` first");
  return [...lines];
}

/** Runs a command to its end and gives back what it printed; throws that when it fails. */
function run(command: string[], cwd: string): string {
  mkdirSync(cwd, { recursive: true });
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed (${exitCode}):\n${stdout}${stderr}`);
  return stdout.toString();
}
