/**
 * Entry of a Worker: one pass of an index build (layer/build.ts) over a mapping of the process, then it is done with.
 * It reads immutable memory and writes to descriptors that it was handed.
 */
import { type PassControl, PassStopped } from "../layer/pass.ts";
import { type Message, type Order, postedError } from "../layer/pass-messages.ts";
import { runJob } from "../layer/run-job.ts";
import { Mapping } from "../mmap/mapping.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<Order>) => {
  self.postMessage(work(event.data));
};

function work(order: Order): Message {
  const stop = new Int32Array(order.stop);
  const control: PassControl = {
    report(bytes, keys) {
      if (Atomics.load(stop, 0) !== 0) throw new PassStopped();
      self.postMessage({ kind: "progress", bytes, keys } satisfies Message);
    },
  };
  const mapping = Mapping.adopt(order.mapping);
  try {
    return { kind: "done", result: runJob(order.job, mapping, control) };
  } catch (error) {
    return error instanceof PassStopped ? { kind: "stopped" } : { kind: "failed", error: postedError(error) };
  } finally {
    mapping.close();
  }
}
