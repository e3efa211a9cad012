/**
 * The gate, `npm test`: types, lint, then every test. Ends with one plain line, "N passed, N failed[, N skipped]"; a
 * failed type check or lint counts as one failure each. Exit code 0 only when nothing failed.
 * Words after `npm test --` go to `bun test` (paths or names) and leave out types and lint.
 */
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const chosen = process.argv.slice(2);

/** Against tests that hang; machines that are busy take their time. */
const TIMEOUT = ["--timeout", "60000"];

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

const outcome: Outcome = { passed: 0, failed: 0, skipped: 0 };
if (chosen.length === 0) {
  check("types", ["node", "node_modules/typescript/bin/tsc", "--noEmit"]);
  check("lint", ["node", "node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]);
}
await runTests(outcome);
const skipped = outcome.skipped > 0 ? `, ${outcome.skipped} skipped` : "";
console.log(`${outcome.passed} passed, ${outcome.failed} failed${skipped}`);
process.exit(outcome.failed === 0 ? 0 : 1);

function check(name: string, command: string[]): void {
  const started = performance.now();
  const { exitCode } = Bun.spawnSync(command, { cwd: root, stdout: "inherit", stderr: "inherit" });
  if (exitCode !== 0) outcome.failed++;
  console.log(`${name}: ${exitCode === 0 ? "ok" : "FAILED"} (${Math.round(performance.now() - started)} ms)`);
}

/** Runs bun test, passes its output on, and reads the counts from its closing lines (" 12 pass"). */
async function runTests(counts: Outcome): Promise<void> {
  const child = Bun.spawn([process.execPath, "test", ...TIMEOUT, ...chosen], {
    cwd: root,
    stdout: "inherit",
    stderr: "pipe",
  });
  const decoder = new TextDecoder();
  let tail = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4000);
  }
  const exitCode = await child.exited;
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}`, "m").exec(tail)?.[1] ?? 0);
  counts.passed += count("pass");
  counts.failed += count("fail");
  counts.skipped += count("skip") + count("todo");
  if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
}
