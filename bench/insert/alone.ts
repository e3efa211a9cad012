/**
 * What bench/insert runs as a process of its own: inserts keys into a keyspace, without server and sockets, and times every
 * single insertion by the CPU time of its thread, so that nothing counts but the overlay and the kernel's page faults.
 * Prints a JSON object: microseconds.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { Keyspace } from "../../src/keyspace/keyspace.ts";
import { setString } from "../../src/types/string.ts";
import { keyAt, VALUE_BYTES } from "../support/dataset.ts";

/** The first insertions run uncompiled. */
const WARM_KEYS = 200_000;
const CLOCK_THREAD_CPUTIME_ID = 3;
const { symbols } = dlopen("libc.so.6", {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
});
const time = new BigInt64Array(2);
const timeAt = ptr(time);
const seconds = new Float64Array(1);

function cpuMicroseconds(): number {
  symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timeAt);
  seconds[0] = Number(time[0]) * 1e6 + Number(time[1]) / 1000;
  return seconds[0];
}

const keys = Number(process.argv[2]);
const value = Buffer.alloc(VALUE_BYTES, "x");
const key = Buffer.alloc(keyAt(0).length);
const database = new Keyspace([], 1).database(0);
const slowest: number[] = [];
let slow = 0;
let floor = 0;
for (let i = -WARM_KEYS; i < keys; i++) {
  key.write(keyAt(i < 0 ? keys - i : i), "latin1");
  const from = cpuMicroseconds();
  setString(database, key, 0, key.length, value, 0, value.length, -1);
  const took = cpuMicroseconds() - from;
  if (i < 0 || took <= floor) continue;
  if (took > 1000) slow++;
  slowest.push(took);
  if (slowest.length < 100) continue;
  slowest.sort((a, b) => b - a).length = 10;
  floor = slowest[9] as number;
}
slowest.sort((a, b) => b - a);
console.log(JSON.stringify({ slowest: slowest[0], tenth: slowest[9], overMillisecond: slow }));
process.exit(0);
