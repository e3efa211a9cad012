/**
 * Opening a layer: the index that is there, if it belongs to the RDB, or a new one. Says in the log why one was built.
 * While the layer serves, a damaged index page has the index built again in the background, with the same seed, so that slots stay.
 */
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { type FileIdentity, fileIdentity } from "../mmap/file.ts";
import { Mapping } from "../mmap/mapping.ts";
import { MmapError } from "../mmap/mmap-error.ts";
import { randomSeed } from "../util/key-hash.ts";
import { blockSum } from "./block-checks.ts";
import { type BuildProgress, buildIndex, rdbTail } from "./build.ts";
import { DamagedError } from "./damaged-error.ts";
import type { HashSeed } from "./format.ts";
import { IndexFile } from "./index-file.ts";
import { type IndexDraft, indexPath, namelessDraft, openDraft, pathOfDescriptor } from "./index-place.ts";
import { IndexRejected } from "./index-rejected.ts";
import { Layer } from "./layer.ts";

/** After a build in the background: wait so long before another, since a failing disk may damage every one. */
const REBUILD_PAUSE_MS = 60_000;

export interface LayerOptions {
  /** Databases configured: a file that selects more is refused, as Redis does. */
  readonly databases: number;
  /** One line for an operator: why an index is built, what was left out, what a damaged page led to. */
  readonly log: (line: string) => void;
  /** Directory of the index where it is not the RDB's. */
  readonly indexDir?: string | undefined;
  /** The RDB, mapped already (and guarded); the layer owns it from now on, also when open fails. */
  readonly mapping?: Mapping | undefined;
  /** Called at most ten times a second while an index is built. */
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
  /** Ends a build: open rejects with the signal's reason, and its temporary file is removed. */
  readonly signal?: AbortSignal | undefined;
  readonly allowRemote?: boolean | undefined;
  /** The index, opened already: whoever wrote the RDB wrote it. The layer owns it from now on, also when open fails. */
  readonly index?: IndexFile | undefined;
  /** The seed that the index must have: a keyspace hashes a key once for all its levels. Default: any. */
  readonly seed?: HashSeed | undefined;
  /** Guards a mapped index: truncated by another program it is a SIGBUS as the RDB is. None: unguarded (tests). */
  readonly protect?: ((mapping: Mapping) => Promise<{ close(): void }>) | undefined;
  /** Up to this many bytes an index is built without Workers (tests choose). */
  readonly aloneBytesMax?: number | undefined;
}

/** How messages name an index that could not be kept. */
const NAMELESS = "(temporary file)";

/** See Layer.open. */
export async function openLayer(path: string, options: LayerOptions): Promise<Layer> {
  const mapping = options.mapping ?? Mapping.open(path, { allowRemote: options.allowRemote ?? false });
  try {
    const place = indexPath(path, options.indexDir);
    const identity = mapping.identity ?? fileIdentity(path);
    const started = performance.now();
    let index = options.index ?? openFitting(place, mapping, identity, options);
    const built = index === undefined;
    index ??= await build(place, mapping, identity, options.seed ?? randomSeed(), options);
    await guardIndex(index, options);
    // Keys lie anywhere: reading ahead would fetch (and in a small cgroup push out) megabytes for each record.
    mapping.advise("random");
    const layer = new Layer(mapping, index);
    if (built) layer.indexBuildMs = Math.max(1, Math.round(performance.now() - started));
    rebuildWhenDamaged(layer, place, identity, options);
    return layer;
  } catch (error) {
    mapping.close();
    throw error;
  }
}

function openFitting(
  place: string,
  mapping: Mapping,
  identity: FileIdentity,
  { log, allowRemote, seed }: LayerOptions,
): IndexFile | undefined {
  try {
    const index = IndexFile.open(place, allowRemote);
    const isForeign = seed !== undefined && !sameSeed(index.header.seed, seed);
    const reason = isForeign ? "it was hashed with another seed" : misfit(index, mapping, identity, log);
    if (reason === undefined) return index;
    index.close();
    throw new IndexRejected(reason);
  } catch (error) {
    if (!(error instanceof IndexRejected)) throw error;
    log(`index ${place}: ${error.reason}; building it`);
    return undefined;
  }
}

function sameSeed(a: HashSeed, b: HashSeed): boolean {
  return (
    a.seed0 === b.seed0 && a.seed1 === b.seed1 && a.multiplier0 === b.multiplier0 && a.multiplier1 === b.multiplier1
  );
}

/** Why the index is not that of the RDB; undefined when it is. docs/formats/index.md, "Which index belongs to which RDB". */
function misfit(
  index: IndexFile,
  mapping: Mapping,
  identity: FileIdentity,
  log: (line: string) => void,
): string | undefined {
  const { header } = index;
  if (header.rdbBytes !== mapping.size)
    return `it is of an RDB of ${header.rdbBytes} bytes, this one has ${mapping.size}`;
  if (header.rdbTail !== rdbTail(mapping)) return "it is of an RDB with another checksum";
  if (header.rdbMtimeNs === identity.mtimeNs) return undefined;
  if (!header.crc64Verified) return "the RDB was modified since, and has no checksum to tell whether it is the same";
  try {
    for (const block of [0, header.checksums.entries - 1]) {
      if (blockSum(mapping, block) !== index.blockChecksum(block)) return "the RDB was modified since";
    }
  } catch (error) {
    if (error instanceof DamagedError) return "a page of its block checksums is damaged";
    throw error;
  }
  log(`index ${index.path}: the RDB's modification time is another, its checksum is the same; the index is kept`);
  return undefined;
}

/** Builds the index at `place`; where its disk is full or fails, in a temporary file. */
async function build(
  place: string,
  mapping: Mapping,
  identity: FileIdentity,
  seed: HashSeed,
  options: LayerOptions,
): Promise<IndexFile> {
  try {
    return await buildDraft(openDraft(place), place, mapping, identity, seed, options);
  } catch (error) {
    const code = unwritable(error);
    if (code === undefined) throw error;
    options.log(`index ${place}: cannot be written (${code}); trying the system's temporary directory instead`);
    return await buildTemporary(
      `${dirname(place)} had no room for it (${code})`,
      place,
      mapping,
      identity,
      seed,
      options,
    );
  }
}

async function buildTemporary(
  lost: string,
  ...[place, mapping, identity, seed, options]: Parameters<typeof build>
): Promise<IndexFile> {
  try {
    return await buildDraft(namelessDraft(lost), place, mapping, identity, seed, options);
  } catch (error) {
    const code = unwritable(error);
    if (code === undefined) throw error;
    const advice =
      "Make room (about 10 bytes a key and a thousandth of the RDB), or name another directory (--index-dir)";
    throw new MmapError(code, place, `the index cannot be written there, nor in ${tmpdir()} (${code}). ${advice}`);
  }
}

/** The code of an error that says that the disk does not take more. */
function unwritable(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG" || code === "EIO" ? code : undefined;
}

async function buildDraft(
  draft: IndexDraft,
  place: string,
  mapping: Mapping,
  identity: FileIdentity,
  seed: HashSeed,
  options: LayerOptions,
): Promise<IndexFile> {
  try {
    const header = await buildIndex({
      mapping,
      mtimeNs: identity.mtimeNs,
      fd: draft.fd,
      spillFd: draft.spillFd,
      seed,
      databases: options.databases,
      onProgress: options.onProgress,
      signal: options.signal,
      aloneBytesMax: options.aloneBytesMax,
    });
    draft.publish();
    if (draft.lost !== undefined) {
      options.log(`index: ${draft.lost}; it is kept in a temporary file, and the next start will build it again`);
    }
    if (header.emptySkipped > 0) options.log(`${header.emptySkipped} empty collections in the RDB were left out`);
    if (header.duplicatesSkipped > 0) options.log(`${header.duplicatesSkipped} expired duplicates were left out`);
    if (draft.lost === undefined) return IndexFile.open(place, options.allowRemote);
    return IndexFile.open(pathOfDescriptor(draft.fd), options.allowRemote, NAMELESS);
  } finally {
    draft.close();
  }
}

/** An index without a name cannot be reached by another program. */
async function guardIndex(index: IndexFile, options: LayerOptions): Promise<void> {
  if (options.protect === undefined || index.isNameless) return;
  try {
    index.guard = await options.protect(index.mapping);
  } catch (error) {
    index.close();
    throw error;
  }
}

function rebuildWhenDamaged(layer: Layer, place: string, identity: FileIdentity, options: LayerOptions): void {
  let running: Promise<void> | undefined;
  let notBeforeMs = 0;
  const closing = new AbortController();
  layer.onIndexDamaged = (error) => {
    if (running !== undefined || closing.signal.aborted || Date.now() < notBeforeMs) return;
    options.log(`${error.message}`);
    const { onProgress: _, ...rest } = options;
    running = build(place, layer.mapping, identity, layer.indexSeed, { ...rest, signal: closing.signal })
      .then(async (index) => {
        await guardIndex(index, options);
        if (closing.signal.aborted) index.close();
        else {
          layer.replaceIndex(index);
          options.log(`index ${place}: built again`);
        }
      })
      .catch((failure: Error) => {
        if (!closing.signal.aborted) options.log(`index ${place}: cannot be built again: ${failure.message}`);
      })
      .finally(() => {
        layer.mapping.advise("random");
        notBeforeMs = Date.now() + REBUILD_PAUSE_MS;
        running = undefined;
      });
  };
  layer.beforeClose = () => {
    closing.abort(new Error("the layer is closing"));
    return running ?? Promise.resolve();
  };
}
