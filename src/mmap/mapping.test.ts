import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WINDOW_STRIDE_BYTES } from "../util/byte-source.ts";
import { Cursor } from "../util/cursor.ts";
import { fileIdentity, sameIdentity } from "./file.ts";
import { PAGE_BYTES } from "./libc.ts";
import { Mapping } from "./mapping.ts";
import { MmapError } from "./mmap-error.ts";

let directory = "";
beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-mapping-"));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  fs.writeFileSync(path, bytes);
  return path;
}

function errorOf(action: () => unknown): MmapError {
  try {
    action();
  } catch (error) {
    if (error instanceof MmapError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("Mapping", () => {
  test("shows a file's bytes, also when its length is no whole number of pages", () => {
    const bytes = Buffer.from("REDIS0011 and some more");
    const path = fileOf("small", bytes);
    const mapping = Mapping.open(path);
    expect(mapping.size).toBe(bytes.length);
    expect(mapping.windows.length).toBe(1);
    expect(Buffer.from(mapping.windows[0] as Uint8Array).equals(bytes)).toBe(true);
    expect(mapping.admit(3, 4)).toBe(bytes.length);
    expect(sameIdentity(mapping.identity as never, fileIdentity(path))).toBe(true);
    mapping.close();
  });

  test("a long file is seen through overlapping windows", () => {
    const path = join(directory, "long");
    const size = 2 * WINDOW_STRIDE_BYTES + 5_000; // sparse: takes a page or two of disk
    const fd = fs.openSync(path, "w");
    const marks = [
      0,
      WINDOW_STRIDE_BYTES - 1,
      WINDOW_STRIDE_BYTES,
      2 * WINDOW_STRIDE_BYTES - 1,
      2 * WINDOW_STRIDE_BYTES,
      size - 1,
    ];
    for (const [i, offset] of marks.entries()) fs.writeSync(fd, Buffer.of(i + 1), 0, 1, offset);
    fs.ftruncateSync(fd, size);
    fs.closeSync(fd);
    const mapping = Mapping.open(path);
    expect(mapping.windows.map((window) => window.length)).toEqual([2 ** 31 - 1, size - WINDOW_STRIDE_BYTES, 5_000]);
    const cursor = new Cursor();
    for (const [i, offset] of marks.entries()) {
      expect(cursor.open(mapping, offset).u8()).toBe(i + 1);
      if (offset >= WINDOW_STRIDE_BYTES && offset < 2 ** 31 - 1) {
        expect(mapping.windows[0]?.[offset]).toBe(i + 1);
        expect(mapping.windows[1]?.[offset - WINDOW_STRIDE_BYTES]).toBe(i + 1);
      }
    }
    mapping.close();
  });

  test("an adopted mapping reads the same memory, and closing it leaves the owner's alone", () => {
    const mapping = Mapping.open(fileOf("adopted", Buffer.from("abc")));
    const adopted = Mapping.adopt(structuredClone(mapping.describe()));
    expect(Buffer.from(adopted.windows[0] as Uint8Array).toString()).toBe("abc");
    adopted.close();
    expect(adopted.windows[0]?.length).toBe(0);
    expect(mapping.windows[0]?.[2]).toBe(99);
    mapping.close();
  });

  test("after close() a forgotten view reads nothing, and nothing can be asked", () => {
    const mapping = Mapping.open(fileOf("closed", Buffer.from("abc")));
    const window = mapping.windows[0] as Uint8Array;
    const part = window.subarray(1);
    mapping.close();
    mapping.close();
    expect([window.length, part.length, window[0], part[0]]).toEqual([0, 0, undefined, undefined]);
    expect(mapping.fd).toBe(-1);
    expect(mapping.residentBytes()).toBe(0);
    expect(() => mapping.advise("random")).toThrow("closed");
  });

  test("back() swaps what lies under a piece, and all views stay", () => {
    const before = Buffer.alloc(4 * PAGE_BYTES, "a");
    const mapping = Mapping.open(fileOf("before", before));
    const view = mapping.windows[0] as Uint8Array;
    const fd = fs.openSync(fileOf("behind", Buffer.alloc(4 * PAGE_BYTES, "b")), "r");
    mapping.advise("random");
    mapping.back(fd, PAGE_BYTES, 2 * PAGE_BYTES);
    fs.closeSync(fd);
    const expected = Buffer.concat([
      before.subarray(0, PAGE_BYTES),
      Buffer.alloc(2 * PAGE_BYTES, "b"),
      before.subarray(0, PAGE_BYTES),
    ]);
    expect(Buffer.compare(view, expected)).toBe(0);
    mapping.close();
  });

  test("every advice is taken for any range", () => {
    const mapping = Mapping.open(fileOf("advised", Buffer.alloc(3 * PAGE_BYTES + 7, "x")));
    for (const kind of ["sequential", "random", "normal", "willneed", "dontneed"] as const) {
      mapping.advise(kind);
      mapping.advise(kind, PAGE_BYTES + 3, 10);
      mapping.advise(kind, mapping.size - 1, 2 ** 40);
      mapping.advise(kind, mapping.size);
    }
    expect(mapping.windows[0]?.[mapping.size - 1]).toBe(120);
    mapping.close();
  });

  test("residency is exact for a small file and near the truth for a sampled one", () => {
    const small = Mapping.open(fileOf("resident", Buffer.alloc(5 * PAGE_BYTES + 1, "x")));
    expect(small.residentBytes()).toBe(small.size);
    small.close();

    const path = join(directory, "sparse");
    const size = 2 ** 30;
    fs.writeFileSync(path, "");
    fs.truncateSync(path, size);
    const mapping = Mapping.open(path);
    mapping.advise("random"); // no read-ahead
    const window = mapping.windows[0] as Uint8Array;
    const none = mapping.residentBytes();
    let sum = 0;
    for (let offset = 0; offset < size / 4; offset += PAGE_BYTES) sum += window[offset] as number;
    expect(sum).toBe(0);
    const quarter = mapping.residentBytes();
    expect(none).toBeLessThan(size / 100);
    expect(Math.abs(quarter - size / 4)).toBeLessThan(size / 100);
    mapping.close();
  });
});

describe("Mapping.open refuses", () => {
  test("what is not there", () => {
    const path = join(directory, "absent.rdb");
    const error = errorOf(() => Mapping.open(path));
    expect(error.code).toBe("ENOENT");
    expect(error.path).toBe(path);
    expect(error.message).toBe(`${path}: cannot open: no such file or directory. Check the path`);
  });

  test("a directory, a device, a named pipe", () => {
    expect(errorOf(() => Mapping.open(directory)).code).toBe("EISDIR");
    expect(errorOf(() => Mapping.open("/dev/null")).code).toBe("NOT-A-FILE");
    const pipe = join(directory, "pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    expect(errorOf(() => Mapping.open(pipe)).code).toBe("NOT-A-FILE");
  });

  test("an empty file", () => {
    const error = errorOf(() => Mapping.open(fileOf("empty", Buffer.alloc(0))));
    expect(error.code).toBe("EMPTY");
    expect(error.message).toContain("0 bytes");
  });

  test("without leaving a descriptor behind", () => {
    const count = (): number => fs.readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length;
    const before = count();
    const attempts = 200;
    for (let i = 0; i < attempts; i++) errorOf(() => Mapping.open(fileOf("empty", Buffer.alloc(0))));
    // Other tests of the process open and close descriptors of their own meanwhile: a few, not one an attempt.
    expect(Math.abs(count() - before)).toBeLessThan(attempts / 4);
  });
});
