import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDirectory } from "./dir-lock.ts";

let directory = "";
beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-lock-"));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

describe("lockDirectory", () => {
  test("leaves nothing behind, and can be taken again after release", () => {
    const first = lockDirectory(directory);
    expect(first.isHeld).toBe(true);
    first.release();
    first.release();
    expect(first.isHeld).toBe(false);
    lockDirectory(directory).release();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test("names the process that holds the directory, and is free when that one dies", async () => {
    const program = `
      import { lockDirectory } from ${JSON.stringify(join(import.meta.dir, "dir-lock.ts"))};
      lockDirectory(${JSON.stringify(directory)});
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const other = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    const { value } = await other.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("locked\n");
    const holder = process.platform === "linux" ? `pid ${other.pid}` : "its pid is not visible";
    expect(() => lockDirectory(directory)).toThrow(`${directory}: is in use by another Folio (${holder}`);
    other.kill("SIGKILL");
    await other.exited;
    lockDirectory(directory).release();
  });

  test("works in a directory that cannot be written", () => {
    const path = join(directory, "read-only");
    fs.mkdirSync(path, { mode: 0o555 });
    const lock = lockDirectory(path);
    expect(lock.isHeld).toBe(true);
    expect(() => lockDirectory(path)).toThrow("is in use");
    lock.release();
  });

  test("says what is wrong with a path", () => {
    expect(() => lockDirectory(join(directory, "absent"))).toThrow("no such file or directory");
    const file = join(directory, "file");
    fs.writeFileSync(file, "x");
    expect(() => lockDirectory(file)).toThrow("not a directory");
  });
});
