/**
 * Two calls of the C library that the runtime has too, but makes dearer: the clock and a copy between byte arrays. For hot
 * paths; where the library cannot be called they are the runtime's.
 *
 *   performance.now 35 ns, clock_gettime 18 ns; Buffer.copy of 100 bytes 38 ns, memmove 13 ns (docs/decisions/0005)
 */
import { dlopen, type FFIFunction, FFIType, type Library, type Pointer, ptr } from "bun:ffi";
import { EMPTY_BYTES } from "./span.ts";

/** Calls of the C library on Linux; null where it cannot be had (elsewhere always). */
export function linuxCalls<T extends Record<string, FFIFunction>>(signatures: T): Library<T>["symbols"] | null {
  if (process.platform !== "linux") return null;
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  for (const name of ["libc.so.6", `libc.musl-${machine}.so.1`, `/lib/ld-musl-${machine}.so.1`]) {
    try {
      return dlopen(name, signatures).symbols;
    } catch {
      // The other libc, or none of them.
    }
  }
  return null;
}

const CALLS = linuxCalls({
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  memmove: { args: [FFIType.ptr, FFIType.ptr, FFIType.u64], returns: FFIType.void },
} as const);

const CLOCK_MONOTONIC = 1;
/**
 * struct timespec: int64 seconds, int64 nanoseconds; the upper halves are zero. Over a buffer of its own: a small array without
 * one is moved when the code that uses it is optimised, and the clock would be written where it was.
 */
const TIME = new Int32Array(new ArrayBuffer(16));
const TIME_AT = ptr(TIME);

/** Milliseconds, with fractions, on a clock that only goes forward. Not performance.now's: it begins elsewhere. */
export const clockMs: () => number =
  CALLS === null
    ? () => performance.now()
    : () => {
        CALLS.clock_gettime(CLOCK_MONOTONIC, TIME_AT);
        return (TIME[0] as number) * 1000 + (TIME[2] as number) / 1e6;
      };

/** Up to so many bytes a plain loop is as good as a call. */
const LOOP_BYTES_MAX = 32;
/** Beyond that the runtime's copy costs no more. */
const CALL_BYTES_MAX = 8192;
/** Arrays below some 1000 bytes are moved when their buffer is first asked for, also by the compiler; longer ones never. */
const FIXED_BYTES_MIN = 4096;

const bufferCopy = Buffer.prototype.copy;

/** The arrays copied last, and where they lie: asking for an address costs as much as the copy. */
class Addresses {
  from: Uint8Array = EMPTY_BYTES;
  fromAt = 0;
  to: Uint8Array = EMPTY_BYTES;
  toAt = 0;
}
const LAST = new Addresses();

/**
 * Copies bytes[start, + length) of `from` to `at` of `to`. Throws RangeError when more than a few bytes are to come from, or to go,
 * where there are none.
 */
export function copyBytes(from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void {
  if (length <= LOOP_BYTES_MAX) {
    for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number;
    return;
  }
  // Written so that NaN does not pass: what passes goes to memory as it is.
  if (!(start >= 0 && at >= 0 && start + length <= from.length && at + length <= to.length)) throw outside();
  if (CALLS === null || length > CALL_BYTES_MAX || from.length < FIXED_BYTES_MIN || to.length < FIXED_BYTES_MIN) {
    bufferCopy.call(from, to, at, start, start + length);
    return;
  }
  if (LAST.from !== from) {
    LAST.fromAt = ptr(from);
    LAST.from = from;
  }
  if (LAST.to !== to) {
    LAST.toAt = ptr(to);
    LAST.to = to;
  }
  CALLS.memmove((LAST.toAt + at) as Pointer, (LAST.fromAt + start) as Pointer, length);
}

/** Lets go of the arrays copied last, if `bytes` is one of them: they would be kept alive until the next copy. */
export function forgetAddress(bytes: Uint8Array): void {
  if (LAST.from === bytes) LAST.from = EMPTY_BYTES;
  if (LAST.to === bytes) LAST.to = EMPTY_BYTES;
}

function outside(): RangeError {
  return new RangeError("a copy outside of its arrays");
}
