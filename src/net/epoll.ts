/**
 * Linux's readiness and socket calls by bun:ffi, for direct.ts. A failed call answers -1; its reason is never asked for:
 * whatever fails here is done again by the runtime, which then sees the reason itself.
 *
 *   struct epoll_event   uint32 events | uint64 data      12 bytes on x64 (packed), 16 elsewhere (4 bytes of padding)
 */
import { FFIType, type Pointer, ptr } from "bun:ffi";
import { linuxCalls } from "../util/native.ts";

/** Events of one wait. */
export const EVENTS_MAX = 64;

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLET = 1 << 31;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EVENT_WORDS = process.arch === "x64" ? 3 : 4;
const DATA_WORD = process.arch === "x64" ? 1 : 2;

const SYMBOLS = {
  epoll_create1: { args: [FFIType.i32], returns: FFIType.i32 },
  epoll_ctl: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  epoll_wait: { args: [FFIType.i32, FFIType.ptr, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  // Lengths and results are below 2^31 here: as i64 they would be BigInts.
  recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  send: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
} as const;

type Calls = NonNullable<ReturnType<typeof linuxCalls<typeof SYMBOLS>>>;

export class Epoll {
  /** What `receive` fills. */
  readonly buffer: Uint8Array;
  readonly #calls: Calls;
  #fd: number;
  readonly #bufferAt: number;
  // Over buffers of their own: small arrays without one are moved when the code that uses them is optimised, and the kernel
  // would write where they were.
  readonly #events = new Int32Array(new ArrayBuffer(4 * EVENT_WORDS * EVENTS_MAX));
  readonly #eventsAt = ptr(this.#events);
  readonly #event = new Int32Array(new ArrayBuffer(4 * EVENT_WORDS));

  private constructor(calls: Calls, fd: number, bufferBytes: number) {
    this.#calls = calls;
    this.#fd = fd;
    this.buffer = new Uint8Array(new ArrayBuffer(bufferBytes));
    this.#bufferAt = ptr(this.buffer);
  }

  /** Null where the system has no such thing, or does not give it. */
  static open(bufferBytes: number): Epoll | null {
    const calls = linuxCalls(SYMBOLS);
    const fd = calls?.epoll_create1(EPOLL_CLOEXEC) ?? -1;
    return calls === null || fd < 0 ? null : new Epoll(calls, fd, bufferBytes);
  }

  get isClosed(): boolean {
    return this.#fd < 0;
  }

  /**
   * Watches `fd` for input, as long as it is open; its events will bear `key`. Each arrival shows once: what is left in the
   * socket then is the runtime's to notice. False when the kernel refuses.
   */
  add(fd: number, key: number): boolean {
    this.#event[0] = EPOLLIN | EPOLLET;
    this.#event[DATA_WORD] = key;
    return this.#calls.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, ptr(this.#event)) === 0;
  }

  /** Number of descriptors with new input (at most EVENTS_MAX). Does not wait. */
  poll(): number {
    return this.#calls.epoll_wait(this.#fd, this.#eventsAt, EVENTS_MAX, 0);
  }

  /** After poll(): the key of event `i`. */
  key(i: number): number {
    return this.#events[i * EVENT_WORDS + DATA_WORD] as number;
  }

  /** Receives up to `bytesMax` bytes to buffer[at …]; how many, 0 at the end of the stream, -1 for none or an error. */
  receive(fd: number, at: number, bytesMax: number): number {
    const length = Math.min(bytesMax, this.buffer.length - at);
    return this.#calls.recv(fd, (this.#bufferAt + at) as Pointer, length, MSG_DONTWAIT);
  }

  /** Sends the first `length` bytes; how many the kernel took, -1 for none or an error. */
  send(fd: number, bytes: Uint8Array, length: number): number {
    return this.#calls.send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  close(): void {
    if (this.#fd >= 0) this.#calls.close(this.#fd);
    this.#fd = -1;
  }
}
