/**
 * The pass over the RDB that knows nothing of its contents: the CRC64 of the whole, and a CRC32 of each 4 KiB block, written
 * to the index's pages as it goes. One read of each byte serves both.
 */
import type { Mapping } from "../mmap/mapping.ts";
import { Crc64, type Crc64Value } from "../rdb/crc64.ts";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { BLOCK_BYTES, CHECKSUMS_PER_PAGE, PageAt } from "./format.ts";
import { PageWriter } from "./page-writer.ts";
import { movePast, type PassControl, REPORT_BYTES } from "./pass.ts";

/** So much is summed twice at a time: it stays in the processor's cache between the two. */
const STEP_BYTES = 64 * 1024;

export interface ChecksumRequest {
  /** Descriptor of the index being written. */
  readonly fd: number;
  readonly firstPage: number;
  readonly seed0: number;
  /** The CRC64 is taken of [0, crcEnd). */
  readonly crcEnd: number;
}

/** Writes the block checksum pages, returns the CRC64 of [0, crcEnd). Throws node:fs errors. */
export function checksumPass(mapping: Mapping, request: ChecksumRequest, control: PassControl): Crc64Value {
  const writer = new PageWriter(request.fd, request.firstPage, request.seed0, 16);
  const crc = new Crc64();
  let inPage = 0;
  let at = 0;
  movePast(mapping, 0, 0);
  for (let offset = 0; offset < mapping.size; offset += STEP_BYTES) {
    const window = Math.floor(offset / WINDOW_STRIDE_BYTES);
    const bytes = mapping.windows[window] as Uint8Array;
    const start = offset - window * WINDOW_STRIDE_BYTES;
    const end = Math.min(start + STEP_BYTES, bytes.length);
    for (let block = start; block < end; block += BLOCK_BYTES) {
      if (inPage === 0) at = writer.begin() + PageAt.ENTRIES / 4;
      writer.words[at + inPage] = Bun.hash.crc32(bytes.subarray(block, Math.min(block + BLOCK_BYTES, end)));
      if (++inPage === CHECKSUMS_PER_PAGE) {
        writer.finish(inPage);
        inPage = 0;
      }
    }
    const crcEnd = Math.min(end, start + request.crcEnd - offset);
    if (crcEnd > start) crc.update(bytes, start, crcEnd);
    if ((offset + STEP_BYTES) % REPORT_BYTES === 0) {
      movePast(mapping, offset + STEP_BYTES - REPORT_BYTES, offset + STEP_BYTES);
      control.report(offset + STEP_BYTES, 0);
    }
  }
  if (inPage > 0) writer.finish(inPage);
  writer.flush();
  return { low: crc.low, high: crc.high };
}

/** The CRC64 of [0, end), where the file goes on behind its end marker. */
export function crc64Of(mapping: Mapping, end: number, control: PassControl): Crc64Value {
  const crc = new Crc64();
  for (let offset = 0; offset < end; offset += REPORT_BYTES) {
    const window = Math.floor(offset / WINDOW_STRIDE_BYTES);
    const start = offset - window * WINDOW_STRIDE_BYTES;
    crc.update(mapping.windows[window] as Uint8Array, start, start + Math.min(REPORT_BYTES, end - offset));
    movePast(mapping, offset, Math.min(offset + REPORT_BYTES, mapping.size));
    control.report(Math.min(offset + REPORT_BYTES, end), 0);
  }
  return { low: crc.low, high: crc.high };
}
