/** The command thread's side of a save, in one process: what is kept when something goes wrong, and DEBUG RELOAD. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flipBit } from "../../test/support/layers.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import type { SaveRequest } from "../save/request.ts";
import { setString } from "../types/string.ts";
import { Span } from "../util/span.ts";
import { Config } from "./config/config.ts";
import { startSave } from "./save-job.ts";
import { SavePoints } from "./save-points.ts";
import { FolioServer } from "./server.ts";
import { Snapshot } from "./snapshot.ts";
import { StartError } from "./start-error.ts";

// Other processes may be busy.
setDefaultTimeout(60_000);

let folder: string;
let server: FolioServer;
let logged: string[];
let lost: string[];
let ended = 0;

beforeEach(async () => {
  folder = fs.mkdtempSync(join(tmpdir(), "folio-saving-"));
  await open();
});
afterEach(async () => {
  await close();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  logged = [];
  lost = [];
  ended = 0;
  const config = new Config();
  config.load("dir", [folder]);
  config.load("save", ["3600 1"]);
  const path = join(folder, "dump.rdb");
  const log = (_level: string, line: string) => {
    logged.push(line);
  };
  const onLost = (reason?: string) => {
    lost.push(reason ?? "");
  };
  const onEnd = () => {
    ended++;
  };
  server = new FolioServer({
    config,
    log,
    configFile: "",
    executable: "",
    snapshotPath: path,
    startedAtMs: Date.now(),
    onEnd,
    onLost,
  });
  const { signal } = new AbortController();
  server.serve(await Snapshot.open({ path, required: false }, config, { log, signal, onProgress: () => {}, onLost }));
}

async function close(): Promise<void> {
  await server.saving.giveUp();
  await server.snapshot.close();
  expect(lost).toEqual([]);
}

const record = new Record();
const span = new Span();

function set(key: string, value: string): void {
  const [name, text] = [Buffer.from(key), Buffer.from(value)];
  setString(server.keyspace.database(0), name, 0, name.length, text, 0, text.length, -1);
  server.keyspace.dirty++;
}

function get(key: string): string | null {
  const name = Buffer.from(key);
  if (!server.keyspace.database(0).find(name, 0, name.length, Date.now(), record)) return null;
  readString(record.cursor, span, record.scratch);
  return span.text();
}

function fill(text: string): void {
  for (let i = 0; i < 3000; i++) set(`key:${i}`, `${text} ${i} ${"x".repeat(50)}`);
}

function expectAll(text: string): void {
  for (let i = 0; i < 3000; i++) expect(get(`key:${i}`)).toBe(`${text} ${i} ${"x".repeat(50)}`);
  expect(server.keyspace.database(0).size(Date.now())).toBe(3000);
}

test("a file that cannot be stood on is saved all the same, and everything stays in memory until the next save", async () => {
  fill("first");
  const { openSaved } = Snapshot.prototype;
  Snapshot.prototype.openSaved = () => Promise.reject(new StartError("no room for a private copy"));
  try {
    expect(await server.saving.saveNow()).toBe(true);
  } finally {
    Snapshot.prototype.openSaved = openSaved;
  }
  expect(logged.join("\n")).toContain("no room for a private copy. It was saved, but what was written stays in memory");
  expect([server.snapshot.layer, server.keyspace.dirty, server.saving.lastStatus]).toEqual([null, 0, "ok"]);
  expectAll("first");
  fill("second");
  expect(await server.saving.saveNow()).toBe(true);
  expectAll("second");
  expect(server.snapshot.layer?.facts().keys).toBe(3000);
});

test("another file in the place of the one that was saved is not stood on", async () => {
  fill("first");
  const { openSaved } = Snapshot.prototype;
  Snapshot.prototype.openSaved = function (path, saved, ...rest) {
    return openSaved.call(this, path, { ...saved, inode: saved.inode + 1n }, ...rest);
  };
  try {
    expect(await server.saving.saveNow()).toBe(true);
  } finally {
    Snapshot.prototype.openSaved = openSaved;
  }
  expect(logged.join("\n")).toContain("another program has put another file in its place");
  expectAll("first");
});

test("a damaged layer: the save fails and says where, nothing is overwritten, the rest is served", async () => {
  fill("first");
  expect(await server.saving.saveNow()).toBe(true);
  await close();
  flipBit(join(folder, "dump.rdb"), 50_000, 2);
  const bytes = fs.readFileSync(join(folder, "dump.rdb"));
  await open();
  set("new", "value");
  expect(server.saving.startInBackground()).toBe(true);
  expect(server.saving.startInBackground()).toBe(false);
  await server.saving.saveNow();
  expect(logged.join("\n")).toMatch(/Background saving error: .*is damaged at offset 49152: found checksum/);
  expect(server.saving.lastStatus).toBe("err");
  expect(server.writeRefusal(false)).toStartWith("MISCONF");
  expect([get("new"), get("key:1")]).toEqual(["value", `first 1 ${"x".repeat(50)}`]);
  expect(Buffer.compare(fs.readFileSync(join(folder, "dump.rdb")), bytes)).toBe(0);
  expect(fs.readdirSync(folder).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
});

test("DEBUG RELOAD: saved and served from the file; with NOSAVE what is not in the file is given up", async () => {
  fill("first");
  expect(await server.saving.reload({ save: true, flush: true, merge: false })).toBe("");
  expect(server.snapshot.layer).not.toBeNull();
  fill("second");
  set("only", "here");
  expect(await server.saving.reload({ save: false, flush: true, merge: false })).toBe("");
  expectAll("first");
  expect(server.keyspace.dirty).toBe(0);
  fill("third");
  fs.renameSync(join(folder, "dump.rdb"), join(folder, "away.rdb"));
  expect(await server.saving.reload({ save: false, flush: true, merge: false })).toStartWith(
    "ERR Error trying to load",
  );
  expectAll("third");
});

test("a saver that breaks is an error with its trace", async () => {
  const broken = { stop: new SharedArrayBuffer(4), path: join(folder, "x.rdb"), indexPath: join(folder, "x.idx") };
  const job = startSave({ ...broken, seed: server.keyspace.seed } as unknown as SaveRequest, () => {});
  await expect(job.done).rejects.toThrow(/TypeError|undefined is not an object/);
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("what was saved before a crash of this process's own is found whole, index and all", async () => {
  fill("first");
  await server.saving.saveNow();
  await close();
  await open();
  expectAll("first");
  expect(logged.filter((line) => line.includes("building"))).toEqual([]);
});

test("the end of the process saves when something has changed", async () => {
  void server.shutdown("User requested shutdown...");
  await Bun.sleep(20);
  expect([ended, fs.existsSync(join(folder, "dump.rdb"))]).toEqual([1, false]);
  fill("last");
  void server.shutdown("User requested shutdown...");
  while (ended < 2) await Bun.sleep(5);
  await close();
  await open();
  expectAll("last");
});

test("save points: the first that is reached", () => {
  const points = new SavePoints();
  points.set("3600 1 300 100 60 10000");
  expect(points.count).toBe(3);
  expect(points.reached(60, 10_000)).toBeUndefined();
  expect(points.reached(61, 10_000)).toEqual({ seconds: 60, changes: 10_000 });
  expect(points.reached(3601, 1)).toEqual({ seconds: 3600, changes: 1 });
  expect(points.reached(400, 99)).toBeUndefined();
  points.set("");
  expect([points.count, points.reached(1e9, 1e9)]).toEqual([0, undefined]);
});
