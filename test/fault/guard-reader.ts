/** The Worker of guard.test.ts: adopts the mapping and compares all of its bytes again and again until told to stop. */
import { Mapping, type MappingHandle } from "../../src/mmap/mapping.ts";

declare const self: Worker;

interface Order {
  readonly mapping: MappingHandle;
  readonly truth: SharedArrayBuffer;
  readonly stop: Int32Array;
}

self.onmessage = ({ data }: MessageEvent<Order>) => {
  const mapping = Mapping.adopt(data.mapping);
  const bytes = mapping.windows[0] as Uint8Array;
  const truth = new Uint8Array(data.truth);
  let passes = 0;
  let error = "";
  do {
    for (let at = 0; at < bytes.length && error === ""; at += 2 ** 16) {
      const end = Math.min(at + 2 ** 16, bytes.length);
      if (Buffer.compare(bytes.subarray(at, end), truth.subarray(at, end)) !== 0) error = `wrong byte after ${at}`;
    }
    passes++;
  } while (error === "" && Atomics.load(data.stop, 0) === 0);
  mapping.close();
  self.postMessage({ passes, error });
};
