/**
 * Moves the bytes under a mapping to a private file and swaps them in place, piece by piece, while everybody goes on reading.
 *
 *   original   |=====================|·····················|      · still backed by the original
 *   refuge     |=====================|                            = copied, swapped: same address, same bytes
 *
 * Reading and writing run on the runtime's I/O threads; the calling thread only swaps finished pieces (mmap MAP_FIXED of a few
 * MiB, tens of µs each) between other work. When a place fills up, the rest goes to the next one: pieces may lie in several files.
 * One piece at a time: concurrent writers to one file queue on its lock, which measured slower (ext4).
 * The source is read through its descriptor, never through the mapping, so a file that shrinks is an error here and no signal.
 */
import * as fs from "node:fs";
import { type FileIdentity, fileIdentity } from "./file.ts";
import type { Mapping } from "./mapping.ts";
import { MmapError } from "./mmap-error.ts";
import { type Place, reflink } from "./refuge.ts";

/** A multiple of every page size in use (4 to 64 KiB). */
const PIECE_BYTES = 2 ** 22;
/** A reflinked file needs no copying: larger slices, still below a millisecond of unmapping each. */
const REFLINK_SLICE_BYTES = 2 ** 25;

export interface Evacuated {
  /** Where the bytes lie now, for the log. */
  readonly where: string;
  readonly isReflinked: boolean;
  /** The file that holds all bytes, or -1 when they lie in several. Belongs to the caller. */
  readonly fd: number;
}

/**
 * Moves everything. `source` is a descriptor of the mapped file, `expected` its state: the bytes are good as long as it has it.
 * Rejects with MmapError: "CHANGED" when the file was changed meanwhile, "NO-ROOM" when no place takes the rest, EIO, …,
 * and with the signal's reason when aborted. Pieces swapped until then stay swapped: they are as good as the original.
 */
export async function evacuate(
  mapping: Mapping,
  source: number,
  expected: FileIdentity,
  places: readonly Place[],
  signal?: AbortSignal,
): Promise<Evacuated> {
  const job = new Evacuation(mapping, source, expected, places, signal);
  try {
    return await job.run();
  } catch (error) {
    job.closeAll();
    throw error;
  }
}

class Evacuation {
  readonly #mapping: Mapping;
  readonly #source: number;
  readonly #expected: FileIdentity;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: Place[];
  readonly #refusals: string[] = [];
  readonly #used: { name: string; fd: number }[] = [];

  constructor(
    mapping: Mapping,
    source: number,
    expected: FileIdentity,
    places: readonly Place[],
    signal: AbortSignal | undefined,
  ) {
    this.#mapping = mapping;
    this.#source = source;
    this.#expected = expected;
    this.#waiting = [...places];
    this.#signal = signal;
  }

  async run(): Promise<Evacuated> {
    if (await this.#reflink()) return this.#result(true);
    const { size } = this.#mapping;
    this.#moveOn(0);
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size));
    for (let offset = 0; offset < size; offset += PIECE_BYTES) {
      await this.#move(buffer, offset, Math.min(PIECE_BYTES, size - offset));
    }
    return this.#result(false);
  }

  closeAll(): void {
    for (const { fd } of this.#used) fs.closeSync(fd);
    this.#used.length = 0;
  }

  #result(isReflinked: boolean): Evacuated {
    const where = this.#used.map(({ name }) => name).join(", then ");
    // The mapping keeps its files alive without descriptors; one whole file's descriptor stays useful.
    const fd = this.#used.length === 1 ? (this.#used[0]?.fd ?? -1) : -1;
    if (fd < 0) this.closeAll();
    return { where, isReflinked, fd };
  }

  /** Only the first place (the file's own directory) can share extents with the file. */
  async #reflink(): Promise<boolean> {
    const place = this.#waiting[0];
    if (place === undefined) return false;
    let fd: number;
    try {
      fd = place.open();
    } catch {
      return false; // #moveOn tries again and remembers why not
    }
    if (!(await reflink(this.#source, fd))) {
      fs.closeSync(fd);
      return false;
    }
    this.#used.push({ name: place.name, fd });
    this.#check();
    const { size } = this.#mapping;
    for (let offset = 0; offset < size; offset += REFLINK_SLICE_BYTES) {
      this.#mapping.back(fd, offset, Math.min(REFLINK_SLICE_BYTES, size - offset));
      await new Promise((resolve) => setImmediate(resolve));
      this.#signal?.throwIfAborted();
    }
    return true;
  }

  async #move(buffer: Buffer, offset: number, length: number): Promise<void> {
    for (let done = 0; done < length; ) {
      const count = await readAt(this.#source, buffer, done, length - done, offset + done);
      if (count === 0) throw this.#changed(`it ends at ${offset + done}`);
      done += count;
    }
    for (;;) {
      const refuge = this.#used.at(-1);
      if (refuge === undefined) throw new Error("an evacuation has a refuge from its start");
      try {
        for (let done = 0; done < length; ) {
          done += await writeAt(refuge.fd, buffer, done, length - done, offset + done);
        }
        this.#check();
        this.#mapping.back(refuge.fd, offset, length);
        return;
      } catch (error) {
        if (error instanceof MmapError) throw error;
        this.#refusals.push(`${refuge.name}: ${reasonOf(error)}`);
        this.#moveOn(offset);
      }
    }
  }

  /** Opens the next place that has room for everything from `offset` on. */
  #moveOn(offset: number): void {
    const bytes = this.#mapping.size - offset;
    for (let place = this.#waiting.shift(); place !== undefined; place = this.#waiting.shift()) {
      try {
        const room = place.room();
        if (room >= bytes) {
          const fd = place.open();
          this.#used.push({ name: place.name, fd });
          place.reserve(fd, offset, bytes);
          return;
        }
        this.#refusals.push(`${place.name}: room for ${Math.max(0, room)} bytes`);
      } catch (error) {
        this.#refusals.push(`${place.name}: ${reasonOf(error)}`);
      }
    }
    throw new MmapError(
      "NO-ROOM",
      this.#mapping.path,
      `no room for a private copy of ${bytes} bytes (${this.#refusals.join("; ")}). Free disk space in one of these places`,
    );
  }

  /** Before bytes are believed: the file must still be as it was. */
  #check(): void {
    this.#signal?.throwIfAborted();
    const now = fileIdentity(this.#source);
    const was = this.#expected;
    if (now.size !== was.size) throw this.#changed(`its size is ${now.size}, was ${was.size}`);
    if (now.mtimeNs !== was.mtimeNs)
      throw this.#changed(`its time of modification is ${now.mtimeNs} ns, was ${was.mtimeNs} ns`);
  }

  #changed(found: string): MmapError {
    return new MmapError(
      "CHANGED",
      this.#mapping.path,
      `the file was changed while it was being copied (${found}). Wait until whoever writes it is done, then start Folio again`,
    );
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return String(code ?? message ?? error);
}

function readAt(fd: number, into: Buffer, start: number, length: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, start, length, offset, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

function writeAt(fd: number, from: Buffer, start: number, length: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, from, start, length, offset, (error, count) => (error ? reject(error) : resolve(count)));
  });
}
