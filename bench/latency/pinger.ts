/**
 * The other client: a process of its own that sends PING, waits for the answer, sleeps about a millisecond, and so on,
 * between "start" and "stop" of its parent. Answers "stop" with the round trips in ms.
 */
export interface Gaps {
  count: number;
  p99Ms: number;
  worstMs: number;
}

const PAUSE_MS = 1;
const trips: number[] = [];
let sentAt = 0;
let running = false;
let stopping = false;

const socket = await Bun.connect({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  socket: {
    data() {
      trips.push(performance.now() - sentAt);
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
  sentAt = performance.now();
  socket.write("PING\r\n");
}

function finish(): void {
  running = false;
  stopping = false;
  const sorted = Float64Array.from(trips).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  process.send?.({ count: sorted.length, p99Ms: at(0.99), worstMs: at(1) } satisfies Gaps);
  trips.length = 0;
}

process.on("message", (message) => {
  if (message === "start" && !running) {
    running = true;
    ping();
  } else if (message === "stop") stopping = true;
});
process.send?.("ready");
