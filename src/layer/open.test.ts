/** When an index is kept, when it is built again and where: and what a killed or beaten builder leaves behind. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { flipBit, getString, LayerBench } from "../../test/support/layers.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { lockFile } from "../mmap/file.ts";
import { HeaderAt } from "./format.ts";
import { indexPath } from "./index-place.ts";

let bench: LayerBench;
beforeEach(() => {
  bench = new LayerBench();
});
afterEach(() => bench.dispose());

function dump(value: string, checksum?: bigint): Uint8Array {
  const writer = new RdbWriter().select(0);
  for (let i = 0; i < 100; i++) writer.set(`key:${i}`, value);
  return writer.finish(checksum === undefined ? {} : { checksum });
}

async function openAndClose(options = {}): Promise<string[]> {
  const layer = await bench.open(options);
  expect(getString(layer, 0, "key:42")).toBeDefined();
  await bench.close(layer);
  return bench.log;
}

const later = new Date(Date.now() + 5000);

test("a touched file keeps its index when its checksum vouches for it", async () => {
  bench.write(dump("value"));
  await openAndClose();
  fs.utimesSync(bench.path, later, later);
  const log = await openAndClose();
  expect(log.length).toBe(1);
  expect(log[0]).toContain("the index is kept");
});

test("a touched file without a checksum has it built again", async () => {
  bench.write(dump("value", 0n));
  await openAndClose();
  expect(await openAndClose()).toEqual([]);
  fs.utimesSync(bench.path, later, later);
  expect((await openAndClose())[0]).toContain("no checksum to tell whether it is the same; building it");
});

test("another dump: by size, by checksum, by its first block", async () => {
  bench.write(dump("value"));
  await openAndClose();
  bench.write(dump("longer value"));
  expect((await openAndClose())[0]).toMatch(/it is of an RDB of \d+ bytes, this one has \d+; building it/);
  bench.write(dump("longer vAlue"));
  expect((await openAndClose())[0]).toContain("it is of an RDB with another checksum; building it");
  const layer = await bench.open();
  expect(getString(layer, 0, "key:7")).toBe("longer vAlue");
  await bench.close(layer);
  // Changed in place under an unchanged trailer: seen, and then refused as damaged.
  flipBit(bench.path, 40, 1);
  fs.utimesSync(bench.path, later, later);
  await expect(bench.open()).rejects.toThrow("CRC64");
  expect(bench.log[0]).toContain("the RDB was modified since; building it");
});

test("an index that is none, of another version, damaged, empty or cut short is built again", async () => {
  bench.write(dump("value"));
  await openAndClose();
  const good = fs.readFileSync(bench.indexPath);
  const cases: [string, (index: Buffer) => Uint8Array][] = [
    ["wrong magic", () => Buffer.alloc(5000, 65)],
    ["format version 1", (index) => index.fill(1, HeaderAt.VERSION, HeaderAt.VERSION + 1)],
    ["bad checksum", (index) => index.fill(9, HeaderAt.KEYS, HeaderAt.KEYS + 1)],
    ["database table is damaged", (index) => index.fill(0xff, index.length - 4000, index.length - 3990)],
    ["cannot be opened (EMPTY)", () => new Uint8Array(0)],
    ["cut short", (index) => index.subarray(0, 100)],
    ["bytes long, its header says", (index) => index.subarray(0, index.length - 1)],
    ["bytes long, its header says", (index) => Buffer.concat([index, Buffer.from("x")])],
  ];
  for (const [reason, spoil] of cases) {
    fs.writeFileSync(bench.indexPath, spoil(Buffer.from(good)));
    const log = await openAndClose();
    expect(log[0]).toContain(reason);
    expect(log[0]).toEndWith("building it");
    expect(await openAndClose()).toEqual([]);
  }
});

test("a directory in the index's place is not overwritten", async () => {
  bench.write(dump("value"));
  fs.mkdirSync(bench.indexPath);
  await expect(bench.open()).rejects.toThrow();
  expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
  expect(fs.readdirSync(bench.indexPath)).toEqual([]);
});

test("index-dir: kept there, apart for dumps of one name", async () => {
  const indexDir = join(bench.directory, "indexes");
  fs.mkdirSync(indexDir);
  bench.write(dump("value"));
  await openAndClose({ indexDir });
  expect(bench.files()).toEqual(["dump.rdb", "indexes"]);
  expect(fs.readdirSync(indexDir).length).toBe(1);
  expect(await openAndClose({ indexDir })).toEqual([]);
  expect(indexPath("/a/dump.rdb", indexDir)).not.toBe(indexPath("/b/dump.rdb", indexDir));
  expect(indexPath("/a/dump.rdb", undefined)).toBe("/a/dump.rdb.idx");
});

test("where the index cannot be kept it is nameless, and the log says so", async () => {
  bench.write(dump("value"));
  // A directory that does not exist cannot be written by root either.
  const indexDir = join(bench.directory, "missing");
  for (let start = 0; start < 2; start++) {
    const layer = await bench.open({ indexDir });
    expect(getString(layer, 0, "key:42")).toBe("value");
    expect(layer.facts().indexPath).toBe("(temporary file)");
    expect(bench.log[1]).toContain("missing cannot be written (ENOENT)");
    expect(bench.log[1]).toContain("the next start will build it again");
    await bench.close(layer);
    expect(bench.files()).toEqual(["dump.rdb"]);
  }
});

test("drafts of killed builders are removed; those of the living are not", async () => {
  bench.write(dump("value"));
  // The pid says nothing: in a container every Folio may have the same.
  const names = {
    gone: `dump.rdb.idx.${process.ppid}-0123abcd.tmp`,
    alive: `dump.rdb.idx.${process.pid}-1123abcd.tmp`,
    other: "dump.rdb.idx.backup.tmp",
  };
  for (const name of Object.values(names)) fs.writeFileSync(join(bench.directory, name), "half an index");
  const writer = fs.openSync(join(bench.directory, names.alive), "r+");
  expect(lockFile(writer)).toBe(true);
  await openAndClose();
  fs.closeSync(writer);
  expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx", names.alive, names.other].sort());
});

/** Many keys, so that a build takes long enough to be interrupted. */
function writeLarge(): void {
  const writer = new RdbWriter(bench.path).select(0);
  for (let i = 0; i < 300_000; i++)
    writer.set(`key:${i}`, "some value of a length that is usual", 2 ** 42 + (i % 1000));
  writer.finish();
}

test("a build that is given up leaves nothing", async () => {
  writeLarge();
  const control = new AbortController();
  const opening = bench.open({ signal: control.signal, onProgress: () => control.abort(new Error("enough")) });
  await expect(opening).rejects.toThrow("enough");
  expect(bench.files()).toEqual(["dump.rdb"]);
}, 30_000);

test("a builder that is killed leaves no index; the next start builds it", async () => {
  writeLarge();
  const script = `
    import { Layer } from ${JSON.stringify(join(import.meta.dir, "layer.ts"))};
    await Layer.open(process.argv[1], { databases: 16, log: () => {}, onProgress: () => console.log("at work") });
    await Bun.sleep(60_000);
  `;
  const builder = Bun.spawn([process.execPath, "-e", script, bench.path], { stdout: "pipe", stderr: "inherit" });
  await builder.stdout.getReader().read();
  const midway = bench.files();
  builder.kill("SIGKILL");
  await builder.exited;
  expect(midway).not.toContain("dump.rdb.idx");
  expect(bench.files()).not.toContain("dump.rdb.idx");
  const layer = await bench.open();
  expect(layer.keys(0)).toBe(300_000);
  expect(layer.expiries(0)?.expired(2 ** 42 + 500)).toBe(150_000);
}, 30_000);

test("progress is told, and several builders of one index do not clash", async () => {
  writeLarge();
  const seen: number[] = [];
  const onProgress = (progress: { loadedBytes: number; totalBytes: number; keys: number }) => {
    expect(progress.totalBytes).toBe(fs.statSync(bench.path).size);
    expect(progress.loadedBytes).toBeLessThanOrEqual(progress.totalBytes);
    seen.push(progress.loadedBytes);
  };
  const layers = await Promise.all([bench.open({ onProgress }), bench.open(), bench.open()]);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  for (const layer of layers) expect(getString(layer, 0, "key:299999")).toBe("some value of a length that is usual");
  expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
  await bench.open();
  expect(bench.log).toEqual([]);
}, 30_000);
