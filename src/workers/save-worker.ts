/**
 * Entry of a Worker: one save (save/save.ts) of memory that does not change meanwhile, then it is done with.
 */

import { yieldToOthers } from "../mmap/priority.ts";
import { type SaveMessage, type SaveRequest, SaveStopped } from "../save/request.ts";
import { save } from "../save/save.ts";

declare const self: Worker;

/** Looks of the save between two collections: the collector by itself would let 24 MB of garbage gather (mmap/collector.ts). */
const LOOKS_PER_COLLECTION = 64;
/** Between two reports. */
const REPORT_MS = 100;

self.onmessage = (event: MessageEvent<SaveRequest>) => {
  self.postMessage(work(event.data));
};

function work(request: SaveRequest): SaveMessage {
  yieldToOthers();
  const stop = new Int32Array(request.stop);
  let reportedAtMs = performance.now();
  let looks = 0;
  const control = {
    report(keys: number) {
      if (Atomics.load(stop, 0) !== 0) throw new SaveStopped();
      if (++looks % LOOKS_PER_COLLECTION === 0) Bun.gc(true);
      const now = performance.now();
      if (now - reportedAtMs < REPORT_MS) return;
      reportedAtMs = now;
      self.postMessage({ kind: "progress", keys } satisfies SaveMessage);
    },
  };
  try {
    return { kind: "done", result: save(request, control) };
  } catch (error) {
    if (error instanceof SaveStopped) return { kind: "stopped" };
    const { code, message } = error as NodeJS.ErrnoException;
    const isOurs = error instanceof TypeError || error instanceof RangeError;
    // An error of the system or of the format speaks for itself; a mistake of ours keeps its trace.
    return { kind: "failed", code, message: isOurs ? ((error as Error).stack ?? message) : message };
  }
}
