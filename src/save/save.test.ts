/**
 * One save: what was frozen is in the file and in its index, whatever was dead, overwritten, dropped from the index, of another
 * version; damage, a full stop, a bad place leave nothing behind. FOLIO_SEED repeats a run.
 */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { flipBit, LayerBench } from "../../test/support/layers.ts";
import { CORPUS } from "../../test/support/processes.ts";
import { randomFrom, seededRandom } from "../../test/support/random.ts";
import { RdbWriter } from "../../test/support/rdb-writer.ts";
import { readValue } from "../../test/support/read-value.ts";
import { drained, saveTo } from "../../test/support/saving.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { IndexFile } from "../layer/index-file.ts";
import { pathOfDescriptor } from "../layer/index-place.ts";
import type { Layer } from "../layer/layer.ts";
import { Opcode, RdbType, rdbTypeName, VALKEY_TYPE_BASE } from "../rdb/opcodes.ts";
import { openRdb } from "../rdb/reader.ts";
import { Record } from "../rdb/record.ts";
import { bytesOf, rdbFile, rdbRecord, rdbString, SAMPLES } from "../rdb/samples.ts";
import { ScanKind } from "../rdb/scan.ts";
import { setString } from "../types/string.ts";
import { sourceOf } from "../util/byte-source.ts";
import { SaveStopped } from "./request.ts";

/** Of a stream and its groups; the first layout has none of them. */
const STREAM_STATISTICS = ["entries-read", "entries-added", "max-deleted-entry-id"];
const LATER = 4_102_444_800_000;

// Other processes may be busy.
setDefaultTimeout(60_000);

let bench: LayerBench;
let target: string;
beforeEach(() => {
  bench = new LayerBench();
  target = join(bench.directory, "saved.rdb");
});
afterEach(() => bench.dispose());

type Content = Map<string, { type: string; expireAtMs: number; value: unknown }>;

/** Everything that a keyspace holds, expired or not, by "dbid key". Collections by what they hold. */
function contentOf(keyspace: Keyspace): Content {
  const content: Content = new Map();
  const record = new Record();
  for (const database of keyspace.databases) {
    for (let cursor = 0; ; ) {
      cursor = database.scan(cursor, 1000, 0, record, (found) => {
        const value = readValue(found, 0);
        const key = `${database.dbid} ${found.key.text()}`;
        content.set(key, { type: typeof value, expireAtMs: found.expireAtMs, value });
      });
      if (cursor === 0) break;
    }
  }
  return content;
}

async function reopened(keyspace: Keyspace, path = target): Promise<{ layer: Layer; content: Content }> {
  const layer = await bench.openAt(path, { seed: keyspace.seed });
  expect(bench.log.filter((line) => line.includes("building"))).toEqual([]);
  return { layer, content: contentOf(new Keyspace([layer], keyspace.count)) };
}

function set(keyspace: Keyspace, dbid: number, key: string, value: string, expireAtMs = -1): void {
  const bytes = Buffer.from(key, "latin1");
  setString(
    keyspace.database(dbid),
    bytes,
    0,
    bytes.length,
    Buffer.from(value, "latin1"),
    0,
    Buffer.byteLength(value, "latin1"),
    expireAtMs,
  );
}

function remove(keyspace: Keyspace, dbid: number, key: string): boolean {
  const bytes = Buffer.from(key, "latin1");
  return keyspace.database(dbid).remove(bytes, 0, bytes.length, 0);
}

describe("what is written is what was frozen", () => {
  test("an empty keyspace", async () => {
    const keyspace = new Keyspace([], 16);
    expect(saveTo(target, keyspace)).toMatchObject({ keys: 0, rdbVersion: 11, indexProblem: "", notes: [] });
    const { content } = await reopened(keyspace);
    expect(content.size).toBe(0);
  });

  test("random keys, save upon save: overwritten, deleted, with expiries, flushed and swapped databases", async () => {
    const random = seededRandom("save");
    const below = (limit: number) => Math.floor(random() * limit);
    const keyspace = new Keyspace([], 4);
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 3000; i++) {
        const key = `${"k".repeat(below(90))}${below(1500)}`;
        const dbid = below(3);
        if (below(3) === 0) remove(keyspace, dbid, key);
        else {
          const text = ["", `${below(2 ** 31)}`, "text ".repeat(below(60)), `${random()}`.repeat(below(3000))][
            below(4)
          ];
          set(keyspace, dbid, key, text as string, below(4) === 0 ? LATER + below(1000) : -1);
        }
      }
      if (round === 2) keyspace.flush(1);
      if (round === 3) keyspace.swap(0, 2);
      const before = contentOf(keyspace);
      const compression = round % 2 === 0;
      const { keys } = saveTo(target, keyspace, { compression, checksum: round !== 4 });
      expect(keys).toBe(before.size);
      const { layer, content } = await reopened(keyspace);
      expect(content).toEqual(before);
      // What is written meanwhile, and after the re-base, is as it should be.
      set(keyspace, 0, "meanwhile", `${round}`);
      before.set("0 meanwhile", { type: "string", expireAtMs: -1, value: `${round}` });
      drained(keyspace.rebase(layer));
      expect(contentOf(keyspace)).toEqual(before);
    }
  });

  test("many dead keys", async () => {
    const writer = new RdbWriter();
    for (let i = 0; i < 20_000; i++) writer.set(`key:${i}`, `value ${i}`, i % 3 === 0 ? LATER : undefined);
    bench.write(writer.finish());
    const keyspace = new Keyspace([await bench.open()], 2);
    const random = randomFrom(5);
    for (let i = 0; i < 20_000; i++) if (random() < 0.7) remove(keyspace, 0, `key:${i}`);
    const before = contentOf(keyspace);
    expect(before.size).toBeGreaterThan(4000);
    saveTo(target, keyspace);
    const { layer, content } = await reopened(keyspace);
    expect(content).toEqual(before);
    expect(layer.expiringKeys(0)).toBe([...before.values()].filter(({ expireAtMs }) => expireAtMs > 0).length);
  });

  test("the header, AUX fields and hints are Redis's", () => {
    const keyspace = new Keyspace([], 16);
    set(keyspace, 2, "a", "b", LATER);
    set(keyspace, 2, "c", "d");
    saveTo(target, keyspace);
    const metadata = openRdb(sourceOf(fs.readFileSync(target))).metadata();
    expect(metadata.header.version).toBe(11);
    expect([...metadata.aux]).toEqual([
      ["redis-ver", "7.2.0"],
      ["redis-bits", "64"],
      ["ctime", "1800000000"],
      ["used-mem", "1000000"],
      ["aof-base", "0"],
    ]);
    const scanner = metadata.database({ validate: true });
    expect([scanner.next(), scanner.kind, scanner.dbid]).toEqual([true, ScanKind.SELECTDB, 2]);
    scanner.next();
    expect([scanner.kind, scanner.hintKeys, scanner.hintExpires]).toEqual([ScanKind.RESIZEDB, 2, 1]);
  });

  test.each([
    ["lru", "idle", 1000 - 400],
    ["lfu", "freq", 5 - 2],
  ] as const)("the eviction clock of %s goes along as %s", (access, field, expected) => {
    const keyspace = new Keyspace([], 1);
    keyspace.clock = access === "lru" ? 400 : (998 << 8) | 5;
    set(keyspace, 0, "key", "value", LATER);
    saveTo(target, keyspace, { access, clock: 1000, lfuDecayMinutes: 1 });
    const scanner = openRdb(sourceOf(fs.readFileSync(target)))
      .metadata()
      .database({ validate: true });
    while (scanner.kind !== ScanKind.RECORD) scanner.next();
    const { idleSeconds, freq, expireAtMs } = scanner;
    expect([field === "idle" ? idleSeconds : freq, expireAtMs]).toEqual([expected, LATER]);
  });
});

describe("what a file holds beside keys of Redis", () => {
  const moduleAux = (when: number, text: string) =>
    bytesOf(Opcode.MODULE_AUX, [0x81, 0x45, 0xe2, 0x52, 0x38, 0xdf, 0x91, 0x2c, 0], 2, when, 5, rdbString(text), 0);

  /** A file of every sample of one flavour, with items of all kinds between. */
  function everything(valkey: boolean): Uint8Array {
    const fits = ({ type }: { type: number }) =>
      valkey ? type >= VALKEY_TYPE_BASE || type <= RdbType.STREAM_LISTPACKS_3 : type < VALKEY_TYPE_BASE;
    const records = SAMPLES.map((sample, i) => ({ sample, i })).filter(({ sample }) => fits(sample));
    return rdbFile(
      valkey ? "VALKEY080" : "REDIS0012",
      bytesOf(Opcode.AUX, rdbString("redis-ver"), rdbString("7.4.0")),
      bytesOf(Opcode.AUX, rdbString("repl-offset"), rdbString("77")),
      bytesOf(Opcode.AUX, rdbString("of-somebody"), rdbString("kept")),
      bytesOf(Opcode.FUNCTION2, rdbString("#!lua name=lib\n")),
      moduleAux(1, "before"),
      bytesOf(Opcode.SELECTDB, 3, Opcode.RESIZEDB, 0x40, 200, 1),
      bytesOf(Opcode.SLOT_INFO, 1, 2, 3),
      // A prelude with something of another kind in between.
      bytesOf(Opcode.EXPIRETIME, [0, 0, 0, 0x7f], Opcode.AUX, rdbString("late"), 0xc0, 5, Opcode.IDLE, 9),
      rdbRecord(SAMPLES[0] as (typeof SAMPLES)[0], "odd"),
      ...records.map(({ sample, i }) => rdbRecord(sample, `k${i}`)),
      bytesOf(Opcode.SELECTDB, 1, Opcode.FREQ, 7),
      rdbRecord(SAMPLES[0] as (typeof SAMPLES)[0], "other"),
      moduleAux(2, "after"),
      bytesOf(RdbType.SET, rdbString("empty"), 0),
      bytesOf(Opcode.SELECTDB, 3),
      rdbRecord(SAMPLES[0] as (typeof SAMPLES)[0], "again"),
    );
  }

  test.each([false, true])("goes along (of Valkey: %p)", async (valkey) => {
    bench.write(everything(valkey));
    const keyspace = new Keyspace([await bench.open()], 5);
    set(keyspace, 4, "new", "database");
    set(keyspace, 3, "of the overlay", "value");
    remove(keyspace, 3, "k0");
    const before = contentOf(keyspace);
    const { rdbVersion, notes } = saveTo(target, keyspace);
    expect(rdbVersion).toBe(12);
    expect(notes.join()).toContain("RDB version 12");
    const { layer, content } = await reopened(keyspace);
    expect(content).toEqual(before);
    expect(layer.facts()).toMatchObject({ rdbVersion: 12, valkey: false, crc64Verified: true });
    expect(itemsOf(fs.readFileSync(target))).toEqual([
      "AUX of-somebody",
      "FUNCTION #!lua name=lib\n",
      "MODULE_AUX before",
      "AUX late",
      "SELECTDB 3",
      "SELECTDB 1",
      "SELECTDB 3",
      "SELECTDB 4",
      "MODULE_AUX after",
    ]);
    expect(layer.functionOffsets().map((offset) => fs.readFileSync(target)[offset])).toEqual([Opcode.FUNCTION2]);
  });

  function itemsOf(bytes: Buffer): string[] {
    const scanner = openRdb(sourceOf(bytes)).metadata().database({ validate: true });
    const items: string[] = [];
    // AUX fields at the start are metadata, the file's own among them.
    items.push(...[...openRdb(sourceOf(bytes)).metadata().aux.keys()].slice(5).map((name) => `AUX ${name}`));
    while (scanner.next()) {
      const { kind } = scanner;
      if (kind === ScanKind.SELECTDB) items.push(`SELECTDB ${scanner.dbid}`);
      else if (kind === ScanKind.AUX) items.push(`AUX ${scanner.name.text()}`);
      else if (kind === ScanKind.FUNCTION) items.push(`FUNCTION ${scanner.text.text()}`);
      else if (kind === ScanKind.MODULE_AUX) {
        const text = bytes.toString("latin1", scanner.itemOffset, scanner.offset);
        items.push(`MODULE_AUX ${/before|after/.exec(text)?.[0]}`);
      } else expect([ScanKind.RECORD, ScanKind.RESIZEDB] as number[]).toContain(kind);
    }
    return items;
  }

  test.skipIf(!CORPUS)(
    "every dump of the corpus, saved and saved again, in each version that can hold it",
    async () => {
      const directory = join(CORPUS as string, "rdb");
      let compared = 0;
      for (const name of fs.readdirSync(directory)) {
        fs.copyFileSync(join(directory, name), bench.path);
        fs.rmSync(bench.indexPath, { force: true });
        let layer: Layer;
        try {
          layer = await bench.open();
        } catch {
          continue;
        }
        const keyspace = new Keyspace([layer], 16);
        const before = contentOf(keyspace);
        for (const rdbVersion of [11, 9, 10]) {
          try {
            saveTo(target, keyspace, { rdbVersion, mayRaiseVersion: rdbVersion === 11, compression: rdbVersion !== 9 });
          } catch (error) {
            expect(rdbVersion).not.toBe(11);
            expect((error as Error).message).toMatch(/^(key ".*" in database \d+ is )?a .* takes rdb-version 1[012]/);
            drained(keyspace.thaw());
            continue;
          }
          const again = await reopened(keyspace);
          expect({ name, content: keptIn(rdbVersion, again.content) }).toEqual({
            name,
            content: keptIn(rdbVersion, before),
          });
          expect(again.layer.functionOffsets().length).toBe(layer.functionOffsets().length);
          await bench.close(again.layer);
          drained(keyspace.thaw());
          compared++;
        }
        await bench.close(layer);
      }
      expect(compared).toBeGreaterThan(250);
    },
    60_000,
  );

  /** What older versions have no place for: readers put in their own. */
  function keptIn(rdbVersion: number, content: Content): unknown {
    const left = rdbVersion === 9 ? STREAM_STATISTICS : [];
    return JSON.parse(JSON.stringify([...content], (key, value) => (left.includes(key) ? undefined : value)));
  }
});

describe("a version that cannot hold a value", () => {
  test.each([9, 10])("%d: the save fails and names the key", async (rdbVersion) => {
    const timed = SAMPLES.find(({ type }) => type === RdbType.HASH_METADATA) as (typeof SAMPLES)[0];
    bench.write(rdbFile("REDIS0012", bytesOf(Opcode.SELECTDB, 2), rdbRecord(timed, "the key")));
    const keyspace = new Keyspace([await bench.open()], 3);
    expect(() => saveTo(target, keyspace, { rdbVersion, mayRaiseVersion: false })).toThrow(
      `key "the key" in database 2 is a ${rdbTypeName(timed.type)}, which takes rdb-version 12 or later (it is ${rdbVersion})`,
    );
    expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
  });

  test("9 holds no function libraries", async () => {
    bench.write(new RdbWriter().function("#!lua name=lib\n").set("a", "b").finish());
    const keyspace = new Keyspace([await bench.open()], 3);
    expect(() => saveTo(target, keyspace, { rdbVersion: 9, mayRaiseVersion: false })).toThrow("a function library");
  });
});

describe("failures leave nothing behind", () => {
  async function damaged(): Promise<Keyspace> {
    const writer = new RdbWriter();
    for (let i = 0; i < 500; i++) writer.set(`key:${i}`, "x".repeat(200));
    bench.write(writer.finish());
    const layer = await bench.open();
    await bench.close(layer);
    flipBit(bench.path, 50_000, 3);
    return new Keyspace([await bench.open()], 3);
  }

  test("a damaged block of the layer is never copied", async () => {
    const keyspace = await damaged();
    expect(() => saveTo(target, keyspace)).toThrow(/dump\.rdb is damaged at offset 49152/);
    expect(bench.files()).toEqual(["dump.rdb", "dump.rdb.idx"]);
  });

  test("a save that is given up", () => {
    const keyspace = new Keyspace([], 3);
    for (let i = 0; i < 5000; i++) set(keyspace, 0, `key:${i}`, "value");
    const report = () => {
      throw new SaveStopped();
    };
    expect(() => saveTo(target, keyspace, {}, { report })).toThrow(SaveStopped);
    expect(bench.files()).toEqual([]);
    drained(keyspace.thaw());
    expect(contentOf(keyspace).size).toBe(5000);
  });

  test("a directory that is not there, or that cannot be written", () => {
    const keyspace = new Keyspace([], 3);
    expect(() => saveTo(join(bench.directory, "no/saved.rdb"), keyspace)).toThrow("ENOENT");
  });

  test("drafts of killed savers are removed, nothing else is", () => {
    const stale = `${target}.4711-0123abcd.tmp`;
    const others = [`${target}.note.tmp`, `${target}.old`, join(bench.directory, "other.rdb.4711-0123abcd.tmp")];
    for (const path of [stale, `${target}.idx.4711-0123abcd.tmp`, ...others]) fs.writeFileSync(path, "x");
    saveTo(target, new Keyspace([], 3));
    expect(bench.files()).toEqual(
      ["other.rdb.4711-0123abcd.tmp", "saved.rdb", "saved.rdb.idx", "saved.rdb.note.tmp", "saved.rdb.old"].sort(),
    );
  });
});

describe("where the index cannot be kept", () => {
  test("it has no name, and is handed over", async () => {
    const keyspace = new Keyspace([], 3);
    for (let i = 0; i < 1000; i++) set(keyspace, 1, `key:${i}`, "value");
    const nowhere = join(bench.directory, "missing/dump.rdb.idx");
    const result = saveTo(target, keyspace, {}, undefined, nowhere);
    expect(result.indexProblem).toContain("cannot be written (ENOENT)");
    expect(result.indexFd).toBeGreaterThan(0);
    const index = IndexFile.open(pathOfDescriptor(result.indexFd), false, "(temporary file)");
    expect([index.header.keys, index.isNameless]).toEqual([1000, true]);
    index.close();
    fs.closeSync(result.indexFd);
    expect(bench.files()).toEqual(["saved.rdb"]);
  });
});
