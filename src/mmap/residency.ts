/**
 * How much of a mapping lies in physical memory (the page cache), by mincore(2).
 *
 * mincore writes one byte a page and walks every page asked for: 5 GB are 1.3 million pages. So a long mapping is sampled:
 * it is cut into SAMPLES equal strata and one short run of pages is asked for in each.
 */
import { asPointer, errno, errnoName, libc, PAGE_BYTES } from "./libc.ts";

const RUN_PAGES = 16;
const SAMPLES = 256;
/** Up to here every page is asked for: as many pages as a sampled call looks at. */
const EXACT_PAGES_MAX = RUN_PAGES * SAMPLES;

// One byte a page. Made here and never resized, so that its address can be handed to libc.
const PAGE_STATES = new Uint8Array(new ArrayBuffer(EXACT_PAGES_MAX));

/** Bytes of [address, address + size) that are resident; an estimate (a few percent off) above 16 MiB. Half a millisecond or so. */
export function residentBytes(address: number, size: number): number {
  const pages = Math.ceil(size / PAGE_BYTES);
  if (pages <= EXACT_PAGES_MAX) return Math.min(size, residentPages(address, pages) * PAGE_BYTES);
  const stratum = pages / SAMPLES;
  let resident = 0;
  for (let i = 0; i < SAMPLES; i++) {
    // A different place in each stratum (a golden-ratio sequence), so that no period of the file is met in step.
    const first = Math.floor(stratum * i + ((i * 0.618033988749895) % 1) * (stratum - RUN_PAGES));
    resident += residentPages(address + first * PAGE_BYTES, RUN_PAGES);
  }
  return Math.round((resident / EXACT_PAGES_MAX) * size);
}

function residentPages(address: number, pages: number): number {
  if (libc.mincore(asPointer(address), pages * PAGE_BYTES, PAGE_STATES) !== 0) {
    throw new Error(`mincore of ${pages} pages: ${errnoName(errno())}`);
  }
  let resident = 0;
  for (let i = 0; i < pages; i++) resident += (PAGE_STATES[i] as number) & 1;
  return resident;
}
