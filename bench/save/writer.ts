/**
 * The client that writes while a save runs: a process of its own that overwrites keys at random, one request at a time, as fast as
 * the server answers. On "stop" it tells its parent how many it wrote, and how long they took.
 */
import { keyAt, VALUE_BYTES, writeValue } from "../support/dataset.ts";

export interface Written {
  writes: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  worstMs: number;
}

const [, , port, keys] = process.argv;
const request = Buffer.from(
  `*3\r\n$3\r\nSET\r\n$16\r\n${keyAt(0)}\r\n$${VALUE_BYTES}\r\n${"v".repeat(VALUE_BYTES)}\r\n`,
);
const KEY_AT = request.indexOf(keyAt(0)) + 4;
const VALUE_AT = request.length - VALUE_BYTES - 2;
const SAMPLES_MAX = 2 ** 24;
const samples = new Float32Array(SAMPLES_MAX);
let count = 0;
let startedAtMs = 0;
let sentAtMs = 0;
let isRunning = false;

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port: Number(port),
  socket: {
    data(_, data) {
      const now = performance.now();
      if (data[0] !== 0x2b) throw new Error(`the server answered ${data}`);
      if (count < SAMPLES_MAX) samples[count++] = now - sentAtMs;
      if (isRunning) send();
      else finish(now);
    },
  },
});

function send(): void {
  const index = Math.floor(Math.random() * Number(keys));
  request.write(index.toString().padStart(12, "0"), KEY_AT, "latin1");
  writeValue(index + count, request, VALUE_AT);
  sentAtMs = performance.now();
  socket.write(request);
}

function finish(now: number): void {
  const sorted = samples.slice(0, count).sort();
  const at = (share: number) => sorted[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  process.send?.({
    writes: count,
    seconds: (now - startedAtMs) / 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    worstMs: at(1),
  } satisfies Written);
}

process.on("message", (message) => {
  if (message === "stop") {
    isRunning = false;
    return;
  }
  count = 0;
  isRunning = true;
  startedAtMs = performance.now();
  send();
});
process.send?.("ready");
