import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anonymousBytes, CollectorBound } from "./collector.ts";
import { Mapping } from "./mapping.ts";
import { availableMemoryBytes, memoryUsage } from "./memory.ts";

const MB = 2 ** 20;

describe("memory of this process", () => {
  test("anonymous memory follows what is allocated and touched, file pages do not count", () => {
    Bun.gc(true); // other tests' garbage in this process must not be collected in between
    const before = memoryUsage();
    expect(before.rssBytes).toBeGreaterThan(MB);
    expect(before.rssPeakBytes).toBeGreaterThanOrEqual(before.rssBytes);
    const block = new Uint8Array(64 * MB).fill(1);
    const after = memoryUsage();
    expect(after.rssAnonBytes - before.rssAnonBytes).toBeGreaterThan(32 * MB);
    expect(block[5]).toBe(1);
    // statm and status are two views of the same counters, which the kernel updates in batches.
    expect(Math.abs(anonymousBytes() - after.rssAnonBytes)).toBeLessThan(8 * MB);
  });

  test("there is some memory left on this machine", () => {
    expect(availableMemoryBytes()).toBeGreaterThan(MB);
  });
});

describe("CollectorBound", () => {
  test("keeps garbage small beside a huge mapping", () => {
    const path = join(fs.mkdtempSync(join(tmpdir(), "folio-collector-")), "huge");
    fs.writeFileSync(path, "");
    fs.truncateSync(path, 16 * 2 ** 30); // sparse
    const mapping = Mapping.open(path);
    const bound = new CollectorBound(16 * MB);
    const start = anonymousBytes();
    let peak = 0;
    let garbage: unknown;
    for (let i = 0; i < 100; i++) {
      for (let j = 0; j < 10_000; j++) garbage = { i, list: [j, i, `${j}`] };
      bound.tick();
      peak = Math.max(peak, anonymousBytes() - start);
    }
    expect(garbage).toBeDefined();
    mapping.close();
    fs.rmSync(path);
    // Without tick() this grows by more than 100 MB.
    expect(peak).toBeLessThan(64 * MB);
  });
});
