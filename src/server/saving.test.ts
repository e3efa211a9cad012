/** The command thread's side of a save, in one process: what is kept when something goes wrong, and DEBUG RELOAD. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flipBit } from "../../test/support/layers.ts";
import { drained, saveTo } from "../../test/support/saving.ts";
import { DamagedError } from "../layer/damaged-error.ts";
import { Layer } from "../layer/layer.ts";
import { ArenaFull } from "../overlay/arena.ts";
import { Overlay } from "../overlay/overlay.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import type { SaveRequest } from "../save/request.ts";
import { setString } from "../types/string.ts";
import { FormatError } from "../util/format-error.ts";
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

test("a save waits until no structure is half changed", async () => {
  fill("first");
  const { keyspace } = server;
  keyspace.changing++;
  const saved = server.saving.saveNow();
  await Bun.sleep(20);
  expect([keyspace.phase, server.saving.state]).toEqual(["idle", "saving"]);
  expect(() => keyspace.freeze()).toThrow("half changed");
  set("key:0", "later");
  keyspace.changing--;
  expect(await saved).toBe(true);
  expect(get("key:0")).toBe("later");
  expect(keyspace.database(0).top?.keys ?? 0).toBe(0);
});

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
  // A name that has a tag in common with a key of the damaged block could not be looked up.
  const fresh = ["new", "newer", "newest"].find((name) => {
    try {
      return get(name) === null;
    } catch {
      return false;
    }
  }) as string;
  set(fresh, "value");
  expect(server.saving.startInBackground()).toBe(true);
  expect(server.saving.startInBackground()).toBe(false);
  await server.saving.saveNow();
  expect(logged.join("\n")).toMatch(/Background saving error: .*is damaged at offset 49152: found checksum/);
  expect(server.saving.lastStatus).toBe("err");
  expect(server.writeRefusal(false)).toStartWith("MISCONF");
  expect(get(fresh)).toBe("value");
  // Which keys lie in the damaged block is chance.
  let damaged = 0;
  for (let i = 0; i < 3000; i++) {
    try {
      expect(get(`key:${i}`)).toBe(`first ${i} ${"x".repeat(50)}`);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      damaged++;
    }
  }
  expect(damaged).toBeGreaterThan(0);
  expect(damaged).toBeLessThan(400);
  expect(Buffer.compare(fs.readFileSync(join(folder, "dump.rdb")), bytes)).toBe(0);
  expect(fs.readdirSync(folder).sort()).toEqual(["dump.rdb", "dump.rdb.idx"]);
});

/** Runs `during` between the rename of the new file and its opening. */
async function beforeOpening<T>(during: (path: string) => void, run: () => Promise<T>): Promise<T> {
  const { openSaved } = Snapshot.prototype;
  Snapshot.prototype.openSaved = function (path, ...rest) {
    try {
      during(path);
    } catch (error) {
      return Promise.reject(error);
    }
    return openSaved.call(this, path, ...rest);
  };
  try {
    return await run();
  } finally {
    Snapshot.prototype.openSaved = openSaved;
  }
}

/** What a save and a restart make of it. */
async function expectSavable(text: string): Promise<void> {
  expect([server.saving.state, server.keyspace.phase, server.keyspace.isDraining]).toEqual(["idle", "idle", false]);
  expect(await server.saving.saveNow()).toBe(true);
  expect([server.saving.refusal, server.keyspace.dirty]).toEqual(["", 0]);
  expectAll(text);
  await close();
  await open();
  expectAll(text);
}

for (const [what, damage] of [
  ["removed", (path: string) => fs.rmSync(path)],
  ["cut short", (path: string) => fs.truncateSync(path, 1000)],
] as const) {
  test(`the new file ${what} before it was opened: the save has failed, all data is there`, async () => {
    fill("first");
    expect(await server.saving.saveNow()).toBe(true);
    fill("second");
    const saved = await beforeOpening(damage, async () => {
      expect(server.saving.startInBackground()).toBe(true);
      await server.saving.whenIdle();
      return server.saving.lastStatus;
    });
    expect(saved).toBe("err");
    expect(logged.join("\n")).toMatch(/Background saving error: .*What is served stays as it was/);
    expect(server.writeRefusal(false)).toStartWith("MISCONF");
    expect(server.keyspace.dirty).toBe(3000);
    expectAll("second");
    await expectSavable("second");
  });
}

test("a mistake of the program's own when the new file is opened: it was saved, what was written stays in memory", async () => {
  fill("first");
  const mistake = () => {
    throw new TypeError("undefined is not an object");
  };
  expect(await beforeOpening(mistake, () => server.saving.saveNow())).toBe(true);
  expect(logged.join("\n")).toMatch(/please report it: TypeError: undefined is not an object/);
  expect([server.snapshot.layer, server.keyspace.dirty, server.saving.lastStatus]).toEqual([null, 0, "ok"]);
  expectAll("first");
  await expectSavable("first");
});

test("what was written meanwhile cannot be buried in the new file: everything stays where it was", async () => {
  fill("first");
  expect(await server.saving.saveNow()).toBe(true);
  const { layer } = server.snapshot;
  const { buryKey } = Layer.prototype;
  Layer.prototype.buryKey = () => {
    throw new FormatError("damaged", 0, "nothing", "something");
  };
  try {
    expect(
      await beforeOpening(
        () => fill("second"),
        () => server.saving.saveNow(),
      ),
    ).toBe(true);
  } finally {
    Layer.prototype.buryKey = buryKey;
  }
  expect(logged.join("\n")).toContain("It was saved, but what was written stays in memory");
  expect([server.snapshot.layer, server.keyspace.dirty]).toEqual([layer, 3000]);
  expectAll("second");
  await expectSavable("second");
});

test("nor can what is written while the rest is being buried", async () => {
  fill("first");
  const path = join(folder, "dump.rdb");
  saveTo(path, server.keyspace);
  set("key:1", "other");
  const layer = await Layer.open(path, { databases: 16, log() {}, seed: server.keyspace.seed });
  layer.buryKey = (dbid, bytes, start, length) => {
    if (length === 5) Layer.prototype.buryKey.call(layer, dbid, bytes, start, length);
    else throw new FormatError("damaged", 0, "nothing", "something");
  };
  const steps = server.keyspace.rebase(layer);
  steps.next();
  set("key:22", "while burying");
  expect(get("key:22")).toBe("while burying");
  expect(() => drained(steps)).toThrow(FormatError);
  expect(server.keyspace.standsOn(layer)).toBe(false);
  drained(server.keyspace.thaw());
  await layer.close();
  expect([get("key:1"), get("key:22"), get("key:3")]).toEqual(["other", "while burying", `first 3 ${"x".repeat(50)}`]);
  fill("second");
  await expectSavable("second");
});

test("a save that failed, and no memory to merge what was written meanwhile: it is served from where it is, and merged later", async () => {
  fill("first");
  const { create } = Overlay.prototype;
  Overlay.prototype.create = function (...args) {
    if (server.keyspace.phase === "settling") throw new ArenaFull(100);
    return create.apply(this, args);
  };
  const mistake = (path: string) => {
    fill("second");
    fs.rmSync(path);
  };
  try {
    expect(await beforeOpening(mistake, () => server.saving.saveNow())).toBe(false);
    expect(logged.join("\n")).toContain(
      "cannot be merged yet, and stays where it is: the overlay's memory has no room",
    );
    expect([server.saving.state, server.keyspace.isDraining, server.saving.lastStatus]).toEqual(["idle", true, "err"]);
    expect(server.writeRefusal(false)).toStartWith("MISCONF");
    expectAll("second");
    set("key:5", "third");
    // Another try finds no memory either.
    expect(await server.saving.saveNow()).toBe(false);
    server.saving.tick(Date.now() + 60_000);
    await server.saving.whenIdle();
    expect([server.keyspace.isDraining, get("key:5"), get("key:6")]).toEqual([
      true,
      "third",
      `second 6 ${"x".repeat(50)}`,
    ]);
  } finally {
    Overlay.prototype.create = create;
  }
  server.saving.tick(Date.now() + 60_000);
  await server.saving.whenIdle();
  expect([server.keyspace.isDraining, get("key:5"), get("key:6")]).toEqual([
    false,
    "third",
    `second 6 ${"x".repeat(50)}`,
  ]);
  set("key:5", `second 5 ${"x".repeat(50)}`);
  await expectSavable("second");
});

test("tidying up after a save is broken off, closing the old file fails: what was saved is served all the same", async () => {
  fill("first");
  expect(await server.saving.saveNow()).toBe(true);
  const old = server.snapshot.layer as Layer;
  const closed = Promise.withResolvers<void>();
  const { close: closeLayer } = old;
  old.close = () => {
    closed.resolve();
    return Promise.reject(new Error("cannot be unmapped"));
  };
  const { remove } = Overlay.prototype;
  Overlay.prototype.remove = function (handle) {
    if (server.keyspace.phase === "settling") throw new RangeError("no such entry");
    remove.call(this, handle);
  };
  const during = () => {
    fill("second");
    const name = Buffer.from("key:7");
    server.keyspace.database(0).drop(name, 0, name.length);
  };
  try {
    expect(await beforeOpening(during, () => server.saving.saveNow())).toBe(true);
  } finally {
    Overlay.prototype.remove = remove;
  }
  await closed.promise;
  await Bun.sleep(1);
  expect(logged.join("\n")).toMatch(/not everything could be tidied up.*RangeError: no such entry/);
  expect(logged.join("\n")).toContain("stays mapped until the end: cannot be unmapped");
  expect(server.snapshot.layer).not.toBe(old);
  expect([get("key:7"), server.keyspace.database(0).size(Date.now())]).toEqual([null, 2999]);
  set("key:7", `second 7 ${"x".repeat(50)}`);
  await expectSavable("second");
  await closeLayer.call(old);
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
