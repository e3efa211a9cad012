/**
 * The other client: a process of its own that sends PING, waits for the answer, sleeps about a millisecond, and so on,
 * between "start" and "stop" of its parent. Answers "stop" with the waits in ms.
 *
 * A wait is measured twice: by the clock, and by the CPU time that the server's main thread used meanwhile (schedstat),
 * which is the wait on a machine that does nothing else.
 */
import { readFileSync } from "node:fs";

/** By CPU time, but for `wallWorstMs`. */
export interface Gaps {
  count: number;
  wallWorstMs: number;
  p99Ms: number;
  worstMs: number;
}

const PAUSE_MS = 1;
const trips: number[] = [];
const waits: number[] = [];
const schedstat = `/proc/${process.argv[3]}/task/${process.argv[3]}/schedstat`;
let sentAt = 0;
let cpuAt = 0;
let running = false;
let stopping = false;

function cpuMs(): number {
  return Number.parseInt(readFileSync(schedstat, "latin1"), 10) / 1e6;
}

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    data() {
      trips.push(performance.now() - sentAt);
      waits.push(cpuMs() - cpuAt);
      if (stopping) finish();
      else setTimeout(ping, PAUSE_MS);
    },
  },
});

function ping(): void {
  if (stopping) {
    finish();
    return;
  }
  cpuAt = cpuMs();
  sentAt = performance.now();
  socket.write("PING\r\n");
}

function finish(): void {
  running = false;
  stopping = false;
  const sorted = Float64Array.from(waits).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  process.send?.({
    count: sorted.length,
    p99Ms: at(0.99),
    worstMs: at(1),
    wallWorstMs: Math.max(...trips),
  } satisfies Gaps);
  trips.length = 0;
  waits.length = 0;
}

process.on("message", (message) => {
  if (message === "start" && !running) {
    running = true;
    ping();
  } else if (message === "stop") stopping = true;
});
process.send?.("ready");
