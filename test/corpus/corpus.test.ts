/**
 * The corpus through the wire: Folio boots on every file and either serves exactly what a real server serves from it
 * (corpus/expected), or ends with one clear line and exit code 1 where no server loads it.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CORPUS, spawnFolio } from "../support/processes.ts";
import { type KeyEntry, readSnapshot, scoreValue } from "../support/snapshot.ts";

interface CorpusFile {
  file: string;
  loads: string[];
  keys: number | null;
  error_of_redis: string;
}

/** Files that Folio treats otherwise than every real server, each with its reason. */
const ON_PURPOSE: Record<string, string> = {
  "8529fb5e-redis_40_with_module.rdb": "a module value: its other keys are served, the module's keys answer an error",
  "0f667950-redis_60_with_module_aux.rdb": "module aux data is skipped by its framing",
  "1ed7a59a-d9794877-valkey_cluster_slot_import.rdb": "Valkey's slot import opcode is skipped; the keys are readable",
};

interface ExpectedEntry extends KeyEntry {
  function?: unknown;
}

function expectedEntries(name: string): KeyEntry[] {
  const path = join(CORPUS!, "expected", name.replace(/\.rdb$/, ".jsonl.gz"));
  const lines = gunzipSync(readFileSync(path)).toString("utf8").split("\n");
  const entries: KeyEntry[] = [];
  for (const line of lines) {
    if (line === "") continue;
    const entry = JSON.parse(line) as ExpectedEntry;
    if (entry.function === undefined) entries.push(normalised(entry));
  }
  return entries;
}

/** Scores as numbers; the field TTLs of a hash are looked at by the hash tests, here its fields count. */
function normalised(entry: KeyEntry): KeyEntry {
  let { value } = entry;
  if (entry.type === "zset") value = (value as [string, string][]).map(([m, s]) => [m, scoreValue(s)]);
  if (entry.type === "hash" && typeof (value as { fields?: unknown }).fields === "object") {
    value = (value as { fields: unknown }).fields;
  }
  if (entry.type === "hash") {
    value = Object.fromEntries(Object.entries(value as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return { db: entry.db, key: entry.key, type: entry.type, pexpireat: entry.pexpireat, value };
}

const files: CorpusFile[] = CORPUS ? JSON.parse(readFileSync(join(CORPUS, "index.json"), "utf8")) : [];
if (!CORPUS) console.log("skipped: the corpus of real RDB files (../shared/corpus) is not here");

describe.skipIf(!CORPUS)("corpus through the wire", () => {
  const folder = mkdtempSync(join(tmpdir(), "folio-corpus-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const file of files) {
    const name = basename(file.file);
    const path = join(folder, name);
    const refused = file.loads.length === 0 && !(name in ON_PURPOSE);
    test(`${name} ${refused ? "is refused" : "is served"}`, async () => {
      copyFileSync(join(CORPUS!, file.file), path);
      const before = readFileSync(path);
      const server = spawnFolio([path]);
      try {
        if (refused) {
          await server.child.exited;
          await Bun.sleep(20);
          expect(server.child.exitCode).toBe(1);
          expect(server.output).toContain(name);
        } else {
          await server.ready();
          const client = await server.connect();
          const served = await readSnapshot(client);
          if (file.loads.length > 0) expect(served).toEqual(expectedEntries(name));
          client.close();
          expect(await server.stop()).toBe(0);
        }
        expect(readFileSync(path).equals(before)).toBe(true);
      } finally {
        await server.stop("SIGKILL");
        rmSync(path, { force: true });
        rmSync(`${path}.idx`, { force: true });
      }
    }, 30_000);
  }
});
