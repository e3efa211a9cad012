/** Entry of a Worker that faults in memory ahead of its use, as long as the process lives: see mmap/populate.ts. */
import { AnonymousRegion } from "../mmap/anonymous.ts";
import type { PopulateOrder } from "../mmap/populate.ts";

declare const self: Worker;

self.onmessage = ({ data: { region, offset, length } }: MessageEvent<PopulateOrder>) => {
  AnonymousRegion.adopt(region).populate(offset, length);
};
