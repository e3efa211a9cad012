/** A save in its Worker: started, followed, given up. One that has next to nothing to do: here, at once. */
import type { SaveMessage, SaveRequest, SaveResult } from "../save/request.ts";
import { SaveStopped } from "../save/request.ts";

export interface SaveJob {
  /**
   * Settles when the Worker has let go of everything. Rejects with SaveStopped when it was given up, else with what went wrong, the
   * system's code in `code`.
   */
  readonly done: Promise<SaveResult>;
  /** Gives it up: soon. */
  stop(): void;
}

/** Saves in this thread, which is held for the file's fsync. Rejects as a job's `done`. */
export async function saveHere(request: SaveRequest): Promise<SaveResult> {
  const { save } = await import("../save/save.ts");
  return save(request, { report() {} });
}

/** @param onProgress called some ten times a second with the keys written so far */
export function startSave(request: SaveRequest, onProgress: (keys: number) => void): SaveJob {
  const worker = new Worker(new URL("../workers/save-worker.ts", import.meta.url).href, { smol: true });
  const { promise, resolve, reject } = Promise.withResolvers<SaveResult>();
  worker.onmessage = ({ data }: MessageEvent<SaveMessage>) => {
    if (data.kind === "progress") onProgress(data.keys);
    else if (data.kind === "done") resolve(data.result);
    else if (data.kind === "stopped") reject(new SaveStopped());
    else reject(Object.assign(new Error(data.message), data.code === undefined ? {} : { code: data.code }));
  };
  worker.onerror = (event) => reject(new Error(`the saver failed: ${event.message}`));
  // After a result this is of no effect; without one, nobody would ever hear of the save again.
  worker.addEventListener("close", () => reject(new Error("the saver ended without a result")));
  worker.postMessage(request);
  return {
    done: promise.finally(() => worker.terminate()),
    stop: () => {
      Atomics.store(new Int32Array(request.stop), 0, 1);
    },
  };
}
