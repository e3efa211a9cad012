/**
 * libc by bun:ffi: the calls that Bun has no API for, and the constants they need. Nothing outside src/mmap/ imports this.
 *
 * Linux on x64 and arm64 (glibc and musl) is what Folio runs on; the numbers below are the same on both. macOS binds the
 * POSIX part: mapping, advice and locks work there, leases are absent (`HAS_LEASES` is false).
 *
 * A failed call returns -1 (or MAP_FAILED) and leaves its reason in errno, which is per thread and must be read at once.
 */
import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { constants as osConstants } from "node:os";

const IS_LINUX = process.platform === "linux";

/** Leases, reflink by ioctl and SIGIO's promise to the lease holder exist on Linux only. */
export const HAS_LEASES = IS_LINUX;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = IS_LINUX ? 0x20 : 0x1000;
export const MAP_NORESERVE = IS_LINUX ? 0x4000 : 0x40;

export const MADV_NORMAL = 0;
export const MADV_RANDOM = 1;
export const MADV_SEQUENTIAL = 2;
export const MADV_WILLNEED = 3;
export const MADV_DONTNEED = 4;
/** Linux's: pages of 2 MiB where they are to be had; fault pages in for writing (5.14). */
export const MADV_HUGEPAGE = 14;
export const MADV_POPULATE_WRITE = 23;

export const F_SETLEASE = 1024;
export const F_GETLEASE = 1025;
export const F_RDLCK = 0;
export const F_UNLCK = 2;

export const LOCK_EX = 2;
export const LOCK_NB = 4;

/** open(2) flag: a file that never has a name; vanishes with its last descriptor or mapping. Includes O_DIRECTORY. */
export const O_TMPFILE = process.arch === "arm64" ? 0o20040000 : 0o20200000;
export const MFD_CLOEXEC = 1;
export const SYNC_FILE_RANGE_WRITE = 2;

const POSIX = {
  mmap: {
    args: [FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.i32, FFIType.i32, FFIType.i64],
    returns: FFIType.ptr,
  },
  munmap: { args: [FFIType.ptr, FFIType.u64], returns: FFIType.i32 },
  madvise: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  mincore: { args: [FFIType.ptr, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i64], returns: FFIType.i32 },
  getpagesize: { args: [], returns: FFIType.i32 },
} as const;

const LINUX = {
  fallocate: { args: [FFIType.i32, FFIType.i32, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
  setpriority: { args: [FFIType.i32, FFIType.u32, FFIType.i32], returns: FFIType.i32 },
  sync_file_range: { args: [FFIType.i32, FFIType.i64, FFIType.i64, FFIType.u32], returns: FFIType.i32 },
  memfd_create: { args: [FFIType.cstring, FFIType.u32], returns: FFIType.i32 },
  __errno_location: { args: [], returns: FFIType.ptr },
} as const;

const DARWIN = { __error: { args: [], returns: FFIType.ptr } } as const;

function libraryNames(): string[] {
  if (process.platform === "darwin") return ["libSystem.B.dylib"];
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  return ["libc.so.6", `libc.musl-${machine}.so.1`, `/lib/ld-musl-${machine}.so.1`];
}

function firstThatOpens<T>(open: (name: string) => T): T {
  const failures: string[] = [];
  for (const name of libraryNames()) {
    try {
      return open(name);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new Error(`no libc found for ${process.platform} ${process.arch}: ${failures.join("; ")}`);
}

export const libc = firstThatOpens((name) => dlopen(name, POSIX).symbols);

/** undefined where there is no Linux. */
export const linux = IS_LINUX ? firstThatOpens((name) => dlopen(name, LINUX).symbols) : undefined;

const darwin = IS_LINUX ? undefined : firstThatOpens((name) => dlopen(name, DARWIN).symbols);

export const PAGE_BYTES = libc.getpagesize();

/** errno of this thread's last failed call. Read it before anything else is called. */
export function errno(): number {
  const address = linux ? linux.__errno_location() : darwin?.__error();
  return address ? read.i32(address, 0) : 0;
}

// Where two names share a number (EAGAIN, EWOULDBLOCK) the alphabet's first is kept.
const NAME_OF_ERRNO = new Map<number, string>(
  Object.entries(osConstants.errno)
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([name, value]) => [value as number, name]),
);

/** "EAGAIN" for 11, "E999" for what the platform does not name. */
export function errnoName(value: number): string {
  return NAME_OF_ERRNO.get(value) ?? `E${value}`;
}

/** mmap(2). Returns the address, or the negated errno. */
export function mmap(
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  // MAP_FAILED is 2^64 - 1, which arrives as a bigint; a real address is below 2^47 (2^52 at most).
  const result: unknown = libc.mmap(asPointer(address), length, protection, flags, fd, offset);
  if (typeof result === "number" && result > 0 && result < 2 ** 53) return result;
  return -errno();
}

/** A number as bun:ffi's branded pointer; 0 is NULL. */
export function asPointer(address: number): Pointer | null {
  return address === 0 ? null : (address as Pointer);
}
