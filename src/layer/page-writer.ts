/**
 * Writes pages of an index one after the other, gathered into large writes, each with its check.
 *
 *   const at = writer.begin();              words[at + 2 …] are the entries, all zero
 *   writer.finish(count, flags);            header and check; the page is on its way
 */
import { writeFully } from "../mmap/file.ts";
import { PAGE_BYTES } from "./format.ts";
import { pageCheck } from "./page-check.ts";

const WORDS_PER_PAGE = PAGE_BYTES / 4;

export class PageWriter {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Number of the page that begin() starts. */
  page: number;
  readonly #fd: number;
  readonly #seed0: number;
  readonly #capacity: number;
  #gathered = 0;

  /** @param bufferPages pages gathered before a write */
  constructor(fd: number, firstPage: number, seed0: number, bufferPages = 128) {
    this.#fd = fd;
    this.page = firstPage;
    this.#seed0 = seed0;
    this.#capacity = bufferPages;
    const buffer = new ArrayBuffer(bufferPages * PAGE_BYTES);
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Position in `words` of a page of zeros. */
  begin(): number {
    if (this.#gathered === this.#capacity) this.flush();
    const at = this.#gathered * WORDS_PER_PAGE;
    this.words.fill(0, at, at + WORDS_PER_PAGE);
    return at;
  }

  /** Completes the page that begin() started. */
  finish(count: number, flags = 0): void {
    const at = this.#gathered * WORDS_PER_PAGE;
    this.words[at + 1] = count | (flags << 16);
    this.words[at] = pageCheck(this.bytes, at * 4, this.page, this.#seed0);
    this.#gathered++;
    this.page++;
  }

  /** Writes what was gathered. Throws node:fs errors (ENOSPC, …). */
  flush(): void {
    if (this.#gathered === 0) return;
    const first = this.page - this.#gathered;
    writeFully(this.#fd, this.bytes, first * PAGE_BYTES, this.#gathered * PAGE_BYTES);
    this.#gathered = 0;
  }
}
