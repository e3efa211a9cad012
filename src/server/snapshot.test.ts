/**
 * Opening what is no good snapshot: each ends with one line that names the file, and leaves the directory as it was.
 * Cut at every byte and flipped at every bit of a small dump made by a real redis-server's rules (rdb-writer).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { Config } from "./config/config.ts";
import { Snapshot } from "./snapshot.ts";
import { StartError } from "./start-error.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "folio-snapshot-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const messages: string[] = [];

async function open(name: string, required = true, settings: Record<string, string> = {}): Promise<Snapshot> {
  const config = new Config();
  for (const [directive, value] of Object.entries(settings)) config.load(directive, [value]);
  return Snapshot.open({ path: join(dir, name), required }, config, {
    log: (_level, message) => messages.push(message),
    onProgress: () => {},
    onLost: (reason) => {
      throw new Error(reason);
    },
    signal: new AbortController().signal,
  });
}

/** The line that opening this file ends with. */
async function refusal(name: string): Promise<string> {
  const before = readdirSync(dir).sort();
  let line = "";
  try {
    await (await open(name)).close();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    line = error.message;
  }
  if (line !== "") expect(readdirSync(dir).sort()).toEqual(before);
  return line;
}

function smallDump(version = 11): Uint8Array {
  return new RdbWriter(undefined, version)
    .aux("redis-ver", "7.2.0")
    .select(0)
    .resize(3, 1)
    .set("greeting", "hello")
    .set("mortal", "a value that goes on for some bytes", 4102444800000)
    .sadd("colours", ["red", "green", "blue"])
    .finish();
}

function put(name: string, bytes: Uint8Array): string {
  rmSync(join(dir, `${name}.idx`), { force: true });
  writeFileSync(join(dir, name), bytes);
  return name;
}

test("a good one opens, and opens again by its index", async () => {
  put("good.rdb", smallDump());
  const first = await open("good.rdb");
  expect(first.loaded.keys).toBe(3);
  expect(first.layer?.facts().indexBuildMs).toBeGreaterThan(0);
  await first.close();
  const again = await open("good.rdb");
  expect([again.loaded.keys, again.layer?.facts().indexBuildMs]).toEqual([3, 0]);
  expect(again.guardStatus()?.state).toMatch(/^(leased|copy)$/);
  await again.close();
});

describe("refused with one line that says where, what was found, what was expected", () => {
  test.each([
    ["empty.rdb", new Uint8Array(0), "empty"],
    ["magic.rdb", Buffer.from("RUBBISH0011 and more"), "offset 0"],
    ["short.rdb", Buffer.from("REDIS"), "offset"],
    ["letters.rdb", Buffer.from("REDISabcd\xff\0\0\0\0\0\0\0\0", "latin1"), "offset"],
    ["newer.rdb", smallDump(9999), "9999"],
  ] as [string, Uint8Array, string][])("%s", async (name, bytes, found) => {
    const line = await refusal(put(name, bytes));
    expect(line).toStartWith(join(dir, name));
    expect(line).toContain(found);
    expect(line).not.toContain("\n");
    expect(readFileSync(join(dir, name))).toEqual(Buffer.from(bytes));
  });

  test("missing, when it was named", async () => {
    expect(await refusal("missing.rdb")).toContain("no such file");
  });

  test("a directory", async () => {
    mkdirSync(join(dir, "folder.rdb"));
    expect(await refusal("folder.rdb")).toContain("folder.rdb");
  });

  // Root may read everything: there the file opens, and nothing can be said.
  test.skipIf(process.getuid?.() === 0)("no permission (skipped for root)", async () => {
    put("secret.rdb", smallDump());
    chmodSync(join(dir, "secret.rdb"), 0);
    expect(await refusal("secret.rdb")).toContain("permission");
  });

  test("more databases than configured", async () => {
    put("many.rdb", new RdbWriter().select(12).set("a", "b").finish());
    const wide = await open("many.rdb");
    expect(wide.loaded.keys).toBe(1);
    await wide.close();
    const line = await open("many.rdb", true, { databases: "4" }).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(line).toContain("databases");
  });
});

test("missing, by dir and dbfilename: an empty dataset, said in the log", async () => {
  const snapshot = await open("missing.rdb", false);
  expect(snapshot.layer).toBeNull();
  expect(messages.at(-1)).toContain("missing.rdb does not exist: serving an empty dataset");
  await snapshot.close();
});

test("cut at every byte: never served", async () => {
  const whole = smallDump();
  for (let length = 1; length < whole.length; length++) {
    const line = await refusal(put("cut.rdb", whole.slice(0, length)));
    expect(`${length} ${line}`).toContain("cut.rdb: ");
  }
}, 60_000);

test("one bit flipped at every byte: never served", async () => {
  const whole = smallDump();
  const seed = Number(process.env["FOLIO_SEED"] ?? Date.now() % 8);
  console.log(`FOLIO_SEED=${seed}`);
  for (let at = 0; at < whole.length; at++) {
    const flipped = whole.slice();
    flipped[at] = (flipped[at] as number) ^ (1 << ((seed + at) % 8));
    const line = await refusal(put("flip.rdb", flipped));
    // A version digit may turn into another known version: the checksum covers it all the same.
    expect(`${at} ${line}`).toContain("flip.rdb: ");
  }
}, 60_000);

test("a second one on the same directory is told who has it", async () => {
  put("locked.rdb", smallDump());
  const other = Bun.spawn(
    [
      process.execPath,
      "-e",
      `require("${join(import.meta.dir, "../mmap/dir-lock.ts")}").lockDirectory("${dir}"); console.log("held"); setInterval(() => {}, 1000)`,
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  await other.stdout.getReader().read();
  const line = await refusal("locked.rdb");
  other.kill();
  await other.exited;
  expect(line).toContain(`pid ${other.pid}`);
});
