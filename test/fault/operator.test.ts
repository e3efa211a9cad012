/**
 * What an operator runs into: names that are not ASCII, full disks, builds that were killed, files that are no files. Real
 * processes, by the launcher.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY, spawnFolio } from "../support/processes.ts";
import { RdbWriter } from "../support/rdb-writer.ts";

const KEYS = 100_000;
const folder = mkdtempSync(join(tmpdir(), "folio-operator-"));
const original = join(folder, "original.rdb");

beforeAll(() => {
  const writer = new RdbWriter(original).select(0);
  for (let i = 0; i < KEYS; i++) writer.set(`key:${i}`, `value of ${i}`);
  writer.finish();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts on the file, expects every key, and ends. What was logged. */
async function serves(path: string, ...options: string[]): Promise<string> {
  const server = await spawnFolio([path, ...options]).ready();
  try {
    const client = await server.connect();
    expect(await client.command("DBSIZE")).toBe(KEYS);
    expect(await client.command("GET", `key:${KEYS - 1}`)).toBe(`value of ${KEYS - 1}`);
    client.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
  return server.output;
}

/** Starts in vain; what was printed. */
async function refuses(...args: string[]): Promise<string> {
  const server = spawnFolio(args);
  const killer = setTimeout(() => server.child.kill("SIGKILL"), 10_000);
  expect(await server.child.exited).toBe(1);
  clearTimeout(killer);
  await Bun.sleep(20);
  expect(server.output).not.toContain("    at ");
  return server.output;
}

test("directories and files with spaces and letters of all kinds", async () => {
  const directory = join(folder, "Größe 大きさ", "ü ä");
  mkdirSync(directory, { recursive: true });
  copyFileSync(original, join(directory, "mein dümp.rdb"));
  await serves(join(directory, "mein dümp.rdb"));
  expect(readdirSync(directory).sort()).toEqual(["mein dümp.rdb", "mein dümp.rdb.idx"]);
}, 30_000);

test("a snapshot by a symbolic link", async () => {
  const directory = mkdtempSync(join(folder, "link-"));
  symlinkSync(original, join(directory, "dump.rdb"));
  await serves(join(directory, "dump.rdb"));
  expect(readdirSync(directory).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
}, 30_000);

describe("files that are no files", () => {
  test("a named pipe that claims to be a snapshot is refused at once", async () => {
    const pipe = join(folder, "pipe.rdb");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    expect(await refuses(pipe)).toContain("is a named pipe, which cannot be mapped");
  }, 20_000);

  test("a device without an end is no configuration", async () => {
    expect(await refuses("/dev/zero")).toContain("it is no configuration file");
  }, 20_000);

  test("a unix socket in a directory that is not there", async () => {
    const output = await refuses(original, "--unixsocket", join(folder, "nowhere", "folio.sock"));
    expect(output).toContain("its directory does not exist");
  }, 20_000);
});

test("builds that are killed at any moment leave nothing that stays", async () => {
  const directory = mkdtempSync(join(folder, "killed-"));
  const path = join(directory, "dump.rdb");
  copyFileSync(original, path);
  for (let i = 0; i < 12; i++) {
    rmSync(`${path}.idx`, { force: true });
    const server = spawnFolio([path]);
    await Bun.sleep(40 + i * 25);
    server.child.kill("SIGKILL");
    await server.child.exited;
  }
  rmSync(`${path}.idx`, { force: true });
  await serves(path);
  expect(readdirSync(directory).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
}, 60_000);

/** A file system of this size at the folder, where we may mount one. */
function mountSmall(at: string, size: string): boolean {
  mkdirSync(at);
  return Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", at]).exitCode === 0;
}

describe("a full disk", () => {
  const disk = join(folder, "disk");
  const temporary = join(folder, "temporary");
  const mounted = process.getuid?.() === 0 && mountSmall(disk, "256k") && mountSmall(temporary, "128k");
  if (!mounted) console.log("skipped: full disks, which need the right to mount one");
  afterAll(() => {
    for (const at of [disk, temporary]) if (existsSync(at)) Bun.spawnSync(["umount", at]);
  });

  test.skipIf(!mounted)(
    "beside the snapshot: the index lives in a temporary file",
    async () => {
      symlinkSync(original, join(disk, "dump.rdb"));
      const output = await serves(join(disk, "dump.rdb"));
      expect(output).toContain("cannot be written (ENOSPC)");
      expect(readdirSync(disk)).toEqual(["dump.rdb"]);
    },
    30_000,
  );

  test.skipIf(!mounted)(
    "there and in the temporary directory: one line that says what to do",
    async () => {
      const command = [
        join(REPOSITORY, "bin/folio"),
        join(disk, "dump.rdb"),
        "--port",
        "0",
        "--unixsocket",
        join(folder, "s"),
      ];
      const child = Bun.spawn(command, {
        env: { ...process.env, TMPDIR: temporary },
        stdout: "ignore",
        stderr: "pipe",
      });
      expect(await child.exited).toBe(1);
      const error = await new Response(child.stderr).text();
      expect(error.trim().split("\n")).toHaveLength(1);
      expect(error).toContain("Make room");
      expect(readdirSync(disk)).toEqual(["dump.rdb"]);
    },
    30_000,
  );
});
