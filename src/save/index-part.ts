/**
 * The index of the file that is being saved, gathered in the same pass. A save does not fail for want of an index: where it cannot be
 * written, `problem` says why, and whoever opens the file builds one.
 */
import { duplicateJudge } from "../layer/duplicates.ts";
import { CHECKSUMS_PER_PAGE, type HashSeed, type IndexHeader, PAGE_BYTES, PageAt } from "../layer/format.ts";
import { encodeHeader } from "../layer/header.ts";
import { type IndexDraft, namelessDraft, openDraft } from "../layer/index-place.ts";
import type { DuplicateJudge } from "../layer/key-pages.ts";
import { layOut } from "../layer/lay-out.ts";
import { PageWriter } from "../layer/page-writer.ts";
import { SpilledDatabase, Spiller, SpillFile } from "../layer/spill.ts";
import { type FileIdentity, writeFully } from "../mmap/file.ts";
import { Mapping } from "../mmap/mapping.ts";
import { FormatError } from "../util/format-error.ts";
import type { BlockSums } from "./rdb-file.ts";

/** Sums gathered before they are spilled: those of 256 MiB. */
const SUMS_AT_ONCE = 2 ** 16;

/** What the index says of the file. */
export interface RdbFacts {
  readonly draft: string;
  readonly identity: FileIdentity;
  readonly rdbVersion: number;
  /** The last 8 bytes. */
  readonly tail: bigint;
  readonly hasChecksum: boolean;
}

export class IndexPart implements BlockSums {
  /** Why no index is written; "" as long as one is. */
  problem = "";
  keys = 0;
  readonly #seed: HashSeed;
  readonly #draft: IndexDraft | undefined;
  readonly #spill: SpillFile | undefined;
  readonly #spiller: Spiller | undefined;
  readonly #databases = new Map<number, SpilledDatabase>();
  readonly #functions: number[] = [];
  readonly #sums = new Uint32Array(SUMS_AT_ONCE);
  #sumCount = 0;
  #spilledSums: number[] = [];
  #firstSum = 0;
  #blocks = 0;

  constructor(path: string, seed: HashSeed) {
    this.#seed = seed;
    this.#draft = this.#try(() => openDraft(path)) ?? this.#try(() => namelessDraft(this.problem));
    if (this.#draft === undefined) return;
    this.problem = "";
    this.#spill = new SpillFile(this.#draft.spillFd);
    this.#spiller = new Spiller(this.#spill);
  }

  /** Set where the index is written, but cannot be kept: it has no name. */
  get lost(): string | undefined {
    return this.#draft?.lost;
  }

  /** Keys added from now on are those of this database. */
  select(dbid: number): void {
    let database = this.#databases.get(dbid);
    if (database === undefined) {
      database = new SpilledDatabase(dbid);
      this.#databases.set(dbid, database);
    }
    const selected = database;
    this.#try(() => this.#spiller?.select(selected));
  }

  /** A key of the selected database; `expireAtMs` is -1 where there is none. */
  add(h0: number, h1: number, offset: number, expireAtMs: number): void {
    this.keys++;
    if (this.problem !== "") return;
    try {
      this.#spiller?.add(h0, h1, offset, expireAtMs);
    } catch (error) {
      this.#fail(error);
    }
  }

  addFunction(offset: number): void {
    this.#functions.push(offset);
  }

  /** BlockSums. */
  addSum(sum: number): void {
    if (this.#blocks++ === 0) this.#firstSum = sum;
    if (this.#sumCount === SUMS_AT_ONCE) {
      this.#try(() => {
        if (this.#spill !== undefined) this.#spilledSums.push(this.#spill.append(this.#sums, 0, SUMS_AT_ONCE));
      });
      this.#sumCount = 0;
    }
    this.#sums[this.#sumCount++] = sum;
  }

  amendFirst(sum: number): void {
    this.#firstSum = sum;
  }

  /** Writes the index's pages, the file being complete. Throws FormatError when a key stands in the file twice. */
  write(facts: RdbFacts, step: () => void): void {
    const draft = this.#draft;
    const spill = this.#spill;
    if (draft === undefined || spill === undefined || this.problem !== "") return;
    const open: Mapping[] = [];
    try {
      this.#spiller?.finish();
      spill.flush();
      const writer = new PageWriter(draft.fd, 1, this.#seed.seed0);
      const checksums = this.#writeSums(writer, spill);
      const databases = [...this.#databases.values()].sort((a, b) => a.dbid - b.dbid);
      const layout = layOut(spill, writer, databases, this.#functions, lateJudge(facts.draft, open), step);
      const header: IndexHeader = {
        indexBytes: layout.pages * PAGE_BYTES,
        rdbBytes: facts.identity.size,
        rdbMtimeNs: facts.identity.mtimeNs,
        rdbTail: facts.tail,
        seed: this.#seed,
        builtAtMs: Date.now(),
        rdbVersion: facts.rdbVersion,
        crc64Verified: facts.hasChecksum,
        valkey: false,
        keys: this.keys,
        emptySkipped: 0,
        duplicatesSkipped: 0,
        checksums,
        databases: layout.databases,
        functions: layout.functions,
      };
      writeFully(draft.fd, encodeHeader(header), 0);
    } catch (error) {
      this.#fail(error);
    } finally {
      for (const mapping of open) mapping.close();
    }
  }

  /** Puts the index in its place, durably. */
  publish(): void {
    if (this.problem === "") this.#try(() => this.#draft?.publish());
  }

  /** Closes the descriptors, and removes what was not published; a nameless index is handed over: its descriptor, else -1. */
  close(isKept: boolean): number {
    const draft = this.#draft;
    if (draft === undefined) return -1;
    if (!isKept || this.problem !== "" || draft.lost === undefined) {
      draft.close();
      return -1;
    }
    return draft.handOver();
  }

  #writeSums(writer: PageWriter, spill: SpillFile): IndexHeader["checksums"] {
    const words = new Uint32Array(SUMS_AT_ONCE);
    const total = this.#blocks;
    let at = 0;
    let inPage = 0;
    const put = (sums: Uint32Array, count: number) => {
      for (let i = 0; i < count; i++) {
        if (inPage === 0) at = writer.begin() + PageAt.ENTRIES / 4;
        writer.words[at + inPage] = sums[i] as number;
        if (++inPage === CHECKSUMS_PER_PAGE) {
          writer.finish(inPage);
          inPage = 0;
        }
      }
    };
    if (this.#spilledSums.length === 0) this.#sums[0] = this.#firstSum;
    this.#spilledSums.forEach((position, i) => {
      spill.read(words, 0, SUMS_AT_ONCE, position);
      if (i === 0) words[0] = this.#firstSum;
      put(words, SUMS_AT_ONCE);
    });
    put(this.#sums, this.#sumCount);
    if (inPage > 0) writer.finish(inPage);
    return { firstPage: 1, pages: writer.page - 1, entries: total };
  }

  #try<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** An error of the system ends the index; any other the save. */
  #fail(error: unknown): void {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (error instanceof FormatError || code === undefined || syscall === undefined) throw error;
    if (this.problem === "") this.problem = message;
  }
}

/** Looks at the file only when two keys of one hash are met, which once in 2^64 are not the same key. */
function lateJudge(draft: string, open: Mapping[]): DuplicateJudge {
  let judge: DuplicateJudge | undefined;
  return (dbid, a, b) => {
    if (judge === undefined) {
      const mapping = Mapping.open(draft, { allowRemote: true });
      open.push(mapping);
      judge = duplicateJudge(mapping, false, Number.NEGATIVE_INFINITY);
    }
    return judge(dbid, a, b);
  };
}
