/**
 * Fuzzes the RDB decoder: small sound dumps, damaged at random, go through everything that reads a file. Only
 * FormatError may come out, quickly, and without much memory.
 *
 *   bun test/fuzz/rdb.fuzz.ts --seconds 10 --seed 1      runs cases 1, 2, 3, … for ten seconds
 *   bun test/fuzz/rdb.fuzz.ts --cases 1 --seed 4711      runs case 4711 again
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { dumpPayload } from "../../src/rdb/dump.ts";
import { objectType } from "../../src/rdb/opcodes.ts";
import { openRdb, readTrailer } from "../../src/rdb/reader.ts";
import { Record } from "../../src/rdb/record.ts";
import { bytesOf, fullFile, rdbFile, rdbRecord, SAMPLES } from "../../src/rdb/samples.ts";
import { ScanKind } from "../../src/rdb/scan.ts";
import { skipValue } from "../../src/rdb/skip.ts";
import { HashReader } from "../../src/types/hash.ts";
import { ListReader } from "../../src/types/list.ts";
import { SetReader } from "../../src/types/set.ts";
import { StreamReader } from "../../src/types/stream.ts";
import { ZsetReader } from "../../src/types/zset.ts";
import { sourceOf } from "../../src/util/byte-source.ts";
import { FormatError } from "../../src/util/format-error.ts";
import { EMPTY_BYTES } from "../../src/util/span.ts";

export interface FuzzOptions {
  /** The first case; each case is the next number, and the number alone makes the case. */
  readonly seed: number;
  readonly cases?: number;
  readonly seconds?: number;
}

export interface FuzzResult {
  readonly cases: number;
  /** Cases whose file was scanned to its end in spite of the damage. */
  readonly survived: number;
  readonly slowestMs: number;
}

/** A case this long hangs: the files are of a few KB. */
const CASE_MS_MAX = 5000;
const CORPUS_FILE_BYTES_MAX = 2048;
const CORPUS = join(import.meta.dir, "../../../shared/corpus/rdb");

/** Values that tend to hurt: ends of ranges, markers of lengths, opcodes. */
const NASTY = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc3, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff] as const;

/** Runs cases until the limit of options. Throws an Error that names the case to run again. */
export function fuzzRdb(options: FuzzOptions): FuzzResult {
  const bases = baseFiles();
  const readers = new Readers();
  const start = performance.now();
  let slowestMs = 0;
  let survived = 0;
  let cases = 0;
  for (let seed = options.seed; ; seed++, cases++) {
    if (options.cases !== undefined && cases >= options.cases) break;
    const before = performance.now();
    if (options.seconds !== undefined && before - start > options.seconds * 1000) break;
    const random = new Random(seed);
    const file = damage(bases[random.below(bases.length)] as Uint8Array, random);
    try {
      if (readers.readAll(file)) survived++;
    } catch (error) {
      throw new Error(`rdb fuzz: case ${seed} failed; run it again with --cases 1 --seed ${seed}`, { cause: error });
    }
    const ms = performance.now() - before;
    if (ms > CASE_MS_MAX) throw new Error(`rdb fuzz: case ${seed} took ${ms.toFixed(0)} ms`);
    slowestMs = Math.max(slowestMs, ms);
  }
  return { cases, survived, slowestMs };
}

/** Everything that reads a file, once for all cases: what is left over from one case must not hurt the next. */
class Readers {
  readonly #record = new Record();
  readonly #list = new ListReader();
  readonly #set = new SetReader();
  readonly #hash = new HashReader();
  readonly #zset = new ZsetReader();
  readonly #stream = new StreamReader();

  /** Whether the file is sound to its end. Throws whatever is no FormatError. */
  readAll(file: Uint8Array): boolean {
    const quick = soundly(() => this.#scan(file, false));
    const checked = soundly(() => this.#scan(file, true));
    if (checked && !quick) throw new Error("checking takes a file that skipping refuses");
    return checked;
  }

  #scan(file: Uint8Array, validate: boolean): void {
    const source = sourceOf(file);
    const header = openRdb(source);
    const scanner = header.metadata().database({ validate });
    const record = this.#record;
    record.valkey = header.valkey;
    while (scanner.next()) {
      if (scanner.kind !== ScanKind.RECORD) continue;
      record.readAt(source, scanner.recordOffset);
      if (!record.key.equalsSpan(scanner.key)) throw new Error("the record's key is not the scan's");
      skipValue(record.cursor, record.type);
      if (record.cursor.offset !== scanner.recordEnd) throw new Error("skipping ends elsewhere than the scan");
      soundly(() => dumpPayload(record));
      soundly(() => this.#value(record));
    }
    readTrailer(header, scanner.endOffset);
  }

  #readStream(record: Record): void {
    const stream = this.#stream;
    stream.open(record);
    for (const reverse of [false, true]) {
      stream.seekAll(reverse);
      while (stream.next()) while (stream.nextField());
    }
    stream.groups();
  }

  #value(record: Record): void {
    record.seekValue();
    switch (objectType(record.type)) {
      case "list":
        this.#list.open(record);
        while (this.#list.next()) this.#list.text();
        while (this.#list.previous()) this.#list.text();
        return;
      case "set":
        this.#set.open(record);
        while (this.#set.next()) this.#set.text();
        this.#set.has(EMPTY_BYTES, 0, 0);
        return;
      case "hash":
        this.#hash.open(record, 0);
        while (this.#hash.nextField()) this.#hash.value.text();
        this.#hash.find(EMPTY_BYTES, 0, 0);
        return;
      case "zset":
        this.#zset.open(record);
        while (this.#zset.next());
        this.#zset.sorted();
        this.#zset.find(EMPTY_BYTES, 0, 0);
        return;
      case "stream":
        this.#readStream(record);
        return;
      default:
    }
  }
}

/** Whether `read` ends well; a FormatError is an answer, any other error goes on. */
function soundly(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

function baseFiles(): Uint8Array[] {
  const files = [fullFile(false), fullFile(true)];
  for (const sample of SAMPLES) {
    files.push(rdbFile(sample.type > 255 ? "VALKEY080" : "REDIS0012", rdbRecord(sample, "key")));
  }
  if (!existsSync(CORPUS)) return files;
  for (const name of readdirSync(CORPUS).sort()) {
    const path = join(CORPUS, name);
    if (statSync(path).size <= CORPUS_FILE_BYTES_MAX) files.push(new Uint8Array(readFileSync(path)));
  }
  return files;
}

/** One to four damages. */
function damage(file: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = file.slice();
  for (let left = 1 + random.below(4); left > 0; left--) bytes = damageOnce(bytes, random);
  return bytes;
}

function damageOnce(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  // Behind the header most of the time: a bad version ends a case at once.
  const at =
    random.below(20) === 0 ? random.below(bytes.length) : Math.min(bytes.length - 1, 9 + random.below(bytes.length));
  const nasty = NASTY[random.below(NASTY.length)] as number;
  switch (random.below(8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = nasty;
      return bytes;
    case 2:
      bytes[at] = random.below(256);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return bytesOf(bytes.subarray(0, at), nasty, bytes.subarray(at));
    case 5:
      return bytesOf(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8)));
    case 6: {
      const from = random.below(bytes.length);
      return bytesOf(bytes.subarray(0, at), bytes.subarray(from, from + random.below(40)), bytes.subarray(at));
    }
    default: {
      const huge = random.below(2) === 0 ? [0x80] : [0x81, 0, 0, 0, random.below(256)];
      const length = [...huge, random.below(256), random.below(256), random.below(256), random.below(256)];
      return bytesOf(bytes.subarray(0, at), length, bytes.subarray(at + 1));
    }
  }
}

/** A small generator of which a number makes all (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}

function argument(name: string): number | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : Number(process.argv[at + 1]);
}

if (import.meta.main) {
  const seed = argument("seed") ?? 1;
  const cases = argument("cases");
  const limit = cases === undefined ? { seconds: argument("seconds") ?? 10 } : { cases };
  const result = fuzzRdb({ seed, ...limit });
  const memory = (process.memoryUsage.rss() / 2 ** 20).toFixed(0);
  console.log(
    `rdb fuzz: ${result.cases} cases from seed ${seed}, ${result.survived} sound to the end, slowest ${result.slowestMs.toFixed(1)} ms, resident ${memory} MB`,
  );
}
