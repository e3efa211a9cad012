/**
 * bin/folio runs the bundle while it is newer than the sources, and never a stale one.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
const LONG_AGO = new Date("2020-01-01");

let copy: string;
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "folio-bundle-"));
  for (const folder of ["bin", "src", "tools"]) cpSync(join(ROOT, folder), join(copy, folder), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function run(...command: string[]): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: copy, stdin: "ignore" });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

test("sources without a bundle, the bundle while it is fresh, the sources when they are newer", () => {
  const main = join(copy, "src/main.ts");
  expect(run("bin/folio", "--version").out).toStartWith("Folio v=");
  expect(run("sh", "tools/bundle")).toEqual({ code: 0, out: "", err: "" });

  writeFileSync(main, 'console.log("the source");\n');
  utimesSync(main, LONG_AGO, LONG_AGO);
  expect(run("bin/folio", "--version").out).toStartWith("Folio v=");

  writeFileSync(main, 'console.log("the source");\n');
  expect(run("bin/folio", "--version").out).toBe("the source\n");

  expect(run("sh", "tools/bundle").code).toBe(0);
  utimesSync(main, LONG_AGO, LONG_AGO);
  expect(run("bin/folio", "--version").out).toBe("the source\n");
  const builds = readdirSync(join(copy, "dist")).filter((name) => name.startsWith("build-"));
  expect(builds).toHaveLength(1);
});

test("a source that does not compile leaves no half bundle", () => {
  writeFileSync(join(copy, "src/main.ts"), "this is no program(\n");
  expect(run("sh", "tools/bundle").code).not.toBe(0);
  expect(run("bin/folio", "--version").code).not.toBe(0);
  expect(readdirSync(join(copy, "dist")).filter((name) => name.startsWith("build-"))).toHaveLength(1);
});
