/**
 * The real thing done to real files: another process truncates, overwrites, appends to, replaces and removes a mapped file while
 * this process (and a Worker that adopted the mapping) keeps comparing every byte with what it must be. A mistake shows as a
 * wrong byte or as SIGBUS, which ends the whole run.
 *
 * Printed beside each case: how long the other process waited, and the longest time the event loop was held meanwhile.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Guard } from "../../src/mmap/guard.ts";
import { HAS_LEASES } from "../../src/mmap/libc.ts";
import { Mapping } from "../../src/mmap/mapping.ts";

const SIZE = 64 * 2 ** 20 + 12_345; // not a whole number of pages
const STEP = 2 ** 16;

// Leases are Linux's; elsewhere the guard always copies, which guard.test.ts beside the code covers.
const onLinux = HAS_LEASES ? describe : describe.skip;

let directory = "";
let truth: Buffer;
let intruder = ""; // a file of other bytes

beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-guard-"));
  truth = randomBytes(SIZE, 0x9e3779b9);
  intruder = join(directory, "intruder");
  fs.writeFileSync(intruder, randomBytes(SIZE, 0x12345678));
});

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function randomBytes(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Compares every byte, a step between two turns of the event loop, until `isDone`; then once more from end to end. */
async function verifyWhile(bytes: Uint8Array, isDone: () => boolean): Promise<{ passes: number; worstGapMs: number }> {
  let passes = 0;
  let worstGapMs = 0;
  for (let last = false; ; last = isDone()) {
    for (let at = 0; at < SIZE; at += STEP) {
      const end = Math.min(at + STEP, SIZE);
      if (truth.compare(bytes, at, end, at, end) !== 0) throw new Error(`wrong byte between ${at} and ${end}`);
      const before = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      worstGapMs = Math.max(worstGapMs, performance.now() - before);
    }
    passes++;
    if (last) return { passes, worstGapMs };
  }
}

/** A Worker that adopts the mapping and compares all the time; resolves to its passes when told to stop. */
function startReader(mapping: Mapping): () => Promise<number> {
  const worker = new Worker(new URL("./guard-reader.ts", import.meta.url));
  const shared = new SharedArrayBuffer(SIZE);
  truth.copy(new Uint8Array(shared));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const answer = new Promise<number>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ passes: number; error: string }>) =>
      data.error === "" ? resolve(data.passes) : reject(new Error(data.error));
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.postMessage({ mapping: mapping.describe(), truth: shared, stop });
  return async () => {
    Atomics.store(stop, 0, 1);
    const passes = await answer;
    worker.terminate();
    return passes;
  };
}

interface Case {
  readonly name: string;
  /** Shell words; $F is the mapped file, $I the other one, $BUN the runtime. */
  readonly command: string;
  readonly state: "leased" | "evacuated";
  /** What the path must hold afterwards. */
  after(path: string): void;
}

const size = (path: string): number => fs.statSync(path).size;

const CASES: readonly Case[] = [
  {
    name: "truncated to nothing",
    // truncate(1) opens with O_NONBLOCK: it is turned away until the bytes are aside, and comes again.
    command: 'until truncate -s 0 "$F" 2>/dev/null; do sleep 0.01; done',
    state: "evacuated",
    after: (path) => expect(size(path)).toBe(0),
  },
  {
    name: "truncated by truncate(2), without being opened",
    command: `"$BUN" -e 'fs.truncateSync(process.env.F, 5000)'`,
    state: "evacuated",
    after: (path) => expect(size(path)).toBe(5000),
  },
  {
    name: "emptied by the shell and written anew",
    command: 'echo short > "$F"',
    state: "evacuated",
    after: (path) => expect(fs.readFileSync(path, "latin1")).toBe("short\n"),
  },
  {
    name: "overwritten in place",
    command: 'dd if="$I" of="$F" bs=1M conv=notrunc status=none',
    state: "evacuated",
    after: (path) => expect(fs.readFileSync(path).equals(fs.readFileSync(intruder))).toBe(true),
  },
  {
    name: "copied over",
    command: 'cp "$I" "$F"',
    state: "evacuated",
    after: (path) => expect(fs.readFileSync(path).equals(fs.readFileSync(intruder))).toBe(true),
  },
  {
    name: "appended to",
    command: 'cat "$I" >> "$F"',
    state: "evacuated",
    after: (path) => expect(size(path)).toBe(2 * SIZE),
  },
  {
    name: "written to and removed",
    command: 'echo >> "$F"; rm "$F"',
    state: "evacuated",
    after: (path) => expect(fs.existsSync(path)).toBe(false),
  },
  {
    name: "replaced by rename",
    command: 'cp "$I" "$F.new" && mv "$F.new" "$F"',
    state: "leased",
    after: (path) => expect(size(path)).toBe(SIZE),
  },
  {
    name: "removed",
    command: 'rm "$F"',
    state: "leased",
    after: (path) => expect(fs.existsSync(path)).toBe(false),
  },
];

onLinux("a guarded mapping stays as it was while its file is", () => {
  for (const { name, command, state, after } of CASES) {
    test(name, async () => {
      const path = join(directory, `${name.replaceAll(/[^a-z]/g, "-")}.rdb`);
      fs.writeFileSync(path, truth);
      const mapping = Mapping.open(path);
      const lines: string[] = [];
      const guard = await Guard.protect(mapping, {
        safety: "lease",
        log: (_level, text) => lines.push(text),
        onLost: (reason) => lines.push(`LOST ${reason}`),
      });
      expect(guard.state).toBe("leased");
      const bytes = mapping.windows[0] as Uint8Array;
      const stopReader = startReader(mapping);

      let waitedMs = -1;
      const started = performance.now();
      const child = Bun.spawn(["sh", "-c", command], {
        env: { ...process.env, F: path, I: intruder, BUN: process.execPath },
        stderr: "inherit",
      });
      const exit = child.exited.then((code) => {
        waitedMs = performance.now() - started;
        return code;
      });
      const { passes, worstGapMs } = await verifyWhile(bytes, () => waitedMs >= 0);
      expect(await exit).toBe(0);
      await guard.settled();
      const workerPasses = await stopReader();
      console.log(
        `  ${name}: the other process took ${waitedMs.toFixed(0)} ms` +
          ` (moving aside: ${guard.status().movedMs.toFixed(0)} ms); ${passes} + ${workerPasses} passes verified;` +
          ` event loop held ${worstGapMs.toFixed(1)} ms at most`,
      );

      expect(guard.state).toBe(state);
      expect(lines.filter((line) => line.startsWith("LOST"))).toEqual([]);
      if (state === "evacuated") {
        expect(guard.status().movedBytes).toBe(SIZE);
        expect(lines.some((line) => line.includes(path) && line.includes("moved aside"))).toBe(true);
      }
      after(path);
      // What is served does not depend on the path any more.
      fs.rmSync(path, { force: true });
      await verifyWhile(bytes, () => true);
      guard.close();
      mapping.close();
      expect(bytes.length).toBe(0);
    }, 60_000);
  }

  test("opened for writing by somebody who will not wait", async () => {
    const path = join(directory, "impatient.rdb");
    fs.writeFileSync(path, truth);
    const mapping = Mapping.open(path);
    const guard = await Guard.protect(mapping, { safety: "lease", log: () => {}, onLost: () => {} });
    const flags = fs.constants.O_WRONLY | fs.constants.O_NONBLOCK;
    expect(() => fs.openSync(path, flags)).toThrow("EAGAIN");
    for (let turns = 0; guard.state !== "evacuated" && turns < 1000; turns++) await Bun.sleep(10);
    expect(guard.state).toBe("evacuated");
    const fd = fs.openSync(path, flags);
    fs.ftruncateSync(fd, 10);
    fs.closeSync(fd);
    await verifyWhile(mapping.windows[0] as Uint8Array, () => true);
    guard.close();
    mapping.close();
  }, 60_000);

  test("being written already when it is opened: a private copy is served", async () => {
    const path = join(directory, "busy.rdb");
    fs.writeFileSync(path, truth);
    const writer = fs.openSync(path, "r+");
    const mapping = Mapping.open(path);
    const lines: string[] = [];
    const guard = await Guard.protect(mapping, {
      safety: "lease",
      log: (_level, text) => lines.push(text),
      onLost: () => {},
    });
    expect(guard.state).toBe("copy");
    expect(guard.status().reason).toContain("open for writing");
    expect(lines.join("\n")).toContain("private copy");
    fs.ftruncateSync(writer, 0);
    fs.closeSync(writer);
    await verifyWhile(mapping.windows[0] as Uint8Array, () => true);
    guard.close();
    mapping.close();
  }, 60_000);
});
