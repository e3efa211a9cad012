/**
 * Builds an index: two Workers read the RDB at the same time, one to understand it (scan-pass.ts), one to sum it
 * (checksum-pass.ts); this thread stays free to answer clients, and writes the header when both agree.
 *
 * A small file is read by this thread alone: that takes less than starting a Worker.
 *
 *   scan ──────────────► place keys ──► tables ─┐
 *   CRC64 + block CRC32s ──────────────────────►┴─► compare with the trailer ─► header
 */
import { writeFully } from "../mmap/file.ts";
import type { Mapping } from "../mmap/mapping.ts";
import { type Crc64Value, toBigInt } from "../rdb/crc64.ts";
import { RDB_TRAILER_BYTES } from "../rdb/reader.ts";
import { FormatError } from "../util/format-error.ts";
import { BLOCK_BYTES, CHECKSUMS_PER_PAGE, type HashSeed, type IndexHeader, PAGE_BYTES } from "./format.ts";
import { encodeHeader } from "./header.ts";
import { type Job, type Message, type Order, revivedError } from "./pass-messages.ts";
import { runJob } from "./run-job.ts";
import type { ScanResult } from "./scan-pass.ts";

const PROGRESS_INTERVAL_MS = 100;
/** Up to this size no Workers are started. */
const ALONE_BYTES_MAX = 256 * 1024;

/** How far a build is. */
export interface BuildProgress {
  /** Bytes of the RDB that have been both scanned and summed. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Keys found so far. */
  readonly keys: number;
}

export interface BuildRequest {
  readonly mapping: Mapping;
  /** The RDB's modification time, nanoseconds since 1970, before the first byte was read. */
  readonly mtimeNs: bigint;
  /** Descriptors of two empty files: the index, and room for what does not fit in memory. */
  readonly fd: number;
  readonly spillFd: number;
  readonly seed: HashSeed;
  readonly databases: number;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Up to this many bytes no Workers are started (tests choose). */
  readonly aloneBytesMax?: number | undefined;
}

/**
 * Writes the whole index to `request.fd`. When it settles, both Workers are done with the mapping.
 * Throws FormatError (what Redis would refuse too: damaged, duplicate keys, …), node:fs errors, or the signal's reason.
 */
export async function buildIndex(request: BuildRequest): Promise<IndexHeader> {
  const { mapping, seed } = request;
  const blocks = Math.ceil(mapping.size / BLOCK_BYTES);
  const checksums = { firstPage: 1, pages: Math.ceil(blocks / CHECKSUMS_PER_PAGE), entries: blocks };
  const crew = new Crew(request);
  mapping.advise("sequential");
  try {
    const crcEnd = Math.max(0, mapping.size - RDB_TRAILER_BYTES);
    const [scan, sum] = await crew.both(
      {
        kind: "scan",
        request: {
          fd: request.fd,
          spillFd: request.spillFd,
          firstPage: 1 + checksums.pages,
          seed,
          databases: request.databases,
          nowMs: Date.now(),
        },
      },
      { kind: "checksum", request: { fd: request.fd, firstPage: 1, seed0: seed.seed0, crcEnd } },
    );
    await verifyTrailer(crew, scan, sum, crcEnd);
    const header: IndexHeader = {
      indexBytes: scan.pages * PAGE_BYTES,
      rdbBytes: mapping.size,
      rdbMtimeNs: request.mtimeNs,
      rdbTail: rdbTail(mapping),
      seed,
      builtAtMs: Date.now(),
      rdbVersion: scan.rdbVersion,
      crc64Verified: scan.trailer !== null && scan.endOffset === crcEnd,
      valkey: scan.valkey,
      keys: scan.keys,
      emptySkipped: scan.emptySkipped,
      duplicatesSkipped: scan.duplicatesSkipped,
      checksums,
      databases: scan.databases,
      functions: scan.functions,
    };
    writeFully(request.fd, encodeHeader(header), 0);
    return header;
  } finally {
    crew.dismiss();
  }
}

/** The last 8 bytes of the file as a little-endian number: its CRC64, where nothing trails it. */
export function rdbTail(mapping: Mapping): bigint {
  const window = mapping.windows.at(-1) as Uint8Array;
  let tail = 0n;
  for (let i = 0; i < RDB_TRAILER_BYTES; i++) tail |= BigInt(window.at(i - RDB_TRAILER_BYTES) ?? 0) << BigInt(8 * i);
  return tail;
}

/** Redis ignores what follows the trailer; then the CRC64 ends elsewhere and is taken again. Throws FormatError "bad-checksum". */
async function verifyTrailer(crew: Crew, scan: ScanResult, sum: Crc64Value, summedTo: number): Promise<void> {
  const { trailer, endOffset } = scan;
  if (trailer === null) return;
  const found = endOffset === summedTo ? sum : await crew.sum(endOffset);
  if (found.low === trailer.low && found.high === trailer.high) return;
  throw new FormatError(
    "bad-checksum",
    endOffset,
    `a CRC64 of 0x${toBigInt(trailer).toString(16).padStart(16, "0")}`,
    `0x${toBigInt(found).toString(16).padStart(16, "0")}, which is that of the ${endOffset} bytes before it`,
  );
}

/** The Workers of one build, or this thread in their place. */
class Crew {
  readonly #request: BuildRequest;
  readonly #stop = new SharedArrayBuffer(4);
  readonly #workers: Worker[] = [];
  readonly #onAbort = () => this.#giveUp();
  readonly #bytes = [0, 0];
  #keys = 0;
  #reportedAtMs = 0;

  constructor(request: BuildRequest) {
    this.#request = request;
    request.signal?.throwIfAborted();
    request.signal?.addEventListener("abort", this.#onAbort);
  }

  /**
   * Both results. The scan's error comes first whichever failed earlier: it knows what is wrong and where.
   * Settles only when both Workers have let go of the mapping.
   */
  async both(scan: Job, sum: Job): Promise<[ScanResult, Crc64Value]> {
    const jobs = [this.#start(scan, 0), this.#start(sum, 1)];
    jobs[0]?.catch(() => this.#giveUp());
    const [scanned, summed] = await Promise.allSettled(jobs);
    this.#request.signal?.throwIfAborted();
    if (scanned?.status === "rejected") throw scanned.reason;
    if (summed?.status === "rejected") throw summed.reason;
    return [scanned?.value as ScanResult, summed?.value as Crc64Value];
  }

  async sum(end: number): Promise<Crc64Value> {
    const result = await Promise.allSettled([this.#start({ kind: "crc64", end }, 1)]);
    this.#request.signal?.throwIfAborted();
    if (result[0].status === "rejected") throw result[0].reason;
    return result[0].value as Crc64Value;
  }

  dismiss(): void {
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    for (const worker of this.#workers) worker.terminate();
  }

  #giveUp(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
  }

  async #start(job: Job, slot: number): Promise<ScanResult | Crc64Value> {
    const { mapping, aloneBytesMax = ALONE_BYTES_MAX } = this.#request;
    if (mapping.size > aloneBytesMax) return await this.#startWorker(job, slot);
    return runJob(job, mapping, { report: (bytes, keys) => this.#report(slot, bytes, keys) });
  }

  #startWorker(job: Job, slot: number): Promise<ScanResult | Crc64Value> {
    const worker = new Worker(new URL("../workers/index-worker.ts", import.meta.url).href, { smol: true });
    this.#workers.push(worker);
    const { promise, resolve, reject } = Promise.withResolvers<ScanResult | Crc64Value>();
    worker.onmessage = (event: MessageEvent<Message>) => {
      const message = event.data;
      if (message.kind === "progress") this.#report(slot, message.bytes, message.keys);
      else if (message.kind === "done") resolve(message.result);
      else if (message.kind === "stopped") reject(new Error("the build was given up"));
      else reject(revivedError(message.error));
    };
    worker.onerror = (event) => reject(new Error(`the index builder failed: ${event.message}`));
    // After a result this is of no effect; without one, nobody would ever hear of the pass again.
    worker.addEventListener("close", () => reject(new Error("the index builder ended without a result")));
    const order: Order = { job, mapping: this.#request.mapping.describe(), stop: this.#stop };
    worker.postMessage(order);
    return promise;
  }

  #report(slot: number, bytes: number, keys: number): void {
    this.#bytes[slot] = bytes;
    this.#keys = Math.max(this.#keys, keys);
    const now = performance.now();
    if (this.#request.onProgress === undefined || now - this.#reportedAtMs < PROGRESS_INTERVAL_MS) return;
    this.#reportedAtMs = now;
    const loadedBytes = Math.min(this.#bytes[0] as number, this.#bytes[1] as number);
    this.#request.onProgress({ loadedBytes, totalBytes: this.#request.mapping.size, keys: this.#keys });
  }
}
