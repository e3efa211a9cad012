import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evacuate } from "./evacuation.ts";
import { openUnlinked } from "./file.ts";
import { Mapping } from "./mapping.ts";
import { MmapError } from "./mmap-error.ts";
import { type Place, placesFor } from "./refuge.ts";

const SIZE = 11 * 2 ** 20 + 77; // three pieces, the last one short

let directory = "";
const truth = Buffer.from(new Uint32Array(SIZE / 4 + 1).map((_, i) => Math.imul(i, 0x9e3779b1)).buffer, 0, SIZE);

beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-evacuation-"));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function place(name: string, open: () => number, room = Number.POSITIVE_INFINITY): Place {
  return { name, room: () => room, open, reserve() {} };
}

const disk = place("disk", () => openUnlinked(directory));
const fullDevice = place("a full disk", () => fs.openSync("/dev/full", "r+"));
const refusing = place("a read-only directory", () => openUnlinked("/proc/self"));

function mapTruth(name: string): Mapping {
  const path = join(directory, name);
  fs.writeFileSync(path, truth);
  return Mapping.open(path);
}

function move(mapping: Mapping, places: readonly Place[], signal?: AbortSignal) {
  if (mapping.identity === undefined) throw new Error("an owner has an identity");
  return evacuate(mapping, mapping.fd, mapping.identity, places, signal);
}

/** The file is emptied: only bytes that were moved can still be right (a byte that was not ends the process by SIGBUS). */
function expectMoved(mapping: Mapping): void {
  fs.truncateSync(mapping.path, 0);
  expect(truth.compare(mapping.windows[0] as Uint8Array)).toBe(0);
}

async function errorOf(promise: Promise<unknown>): Promise<MmapError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MmapError) return error;
  throw new Error(`an MmapError was expected, found ${String(error)}`);
}

const descriptors = (): number => fs.readdirSync("/dev/fd").length;

describe("evacuate", () => {
  test("moves all bytes to the first place", async () => {
    const mapping = mapTruth("first");
    const { fd, where } = await move(mapping, [disk, refusing]);
    expect(where).toBe("disk");
    expect(fs.fstatSync(fd).size).toBe(SIZE);
    expectMoved(mapping);
    fs.closeSync(fd);
    mapping.close();
  });

  test("goes past places that refuse, that have too little room, or that turn out to be full", async () => {
    const mapping = mapTruth("fallback");
    const { fd, where } = await move(mapping, [refusing, place("a small one", disk.open, SIZE - 1), fullDevice, disk]);
    expect(where).toBe("a full disk, then disk");
    expectMoved(mapping);
    if (fd >= 0) fs.closeSync(fd);
    mapping.close();
  });

  test("spreads over two places when the first fills up on the way", async () => {
    const small = join(directory, "small-disk");
    fs.mkdirSync(small);
    // Needs the right to mount; without it the case above is as near as one gets.
    if (Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", small], { stderr: "ignore" }).exitCode !== 0)
      return;
    try {
      const mapping = mapTruth("spread");
      const before = descriptors();
      const { fd, where } = await move(mapping, [place("small disk", () => openUnlinked(small)), disk]);
      expect(where).toBe("small disk, then disk");
      expect(fd).toBe(-1);
      expect(descriptors()).toBe(before);
      expectMoved(mapping);
      mapping.close();
    } finally {
      Bun.spawnSync(["umount", "-l", small]);
    }
  });

  test("memory is the last resort of placesFor, and holds the bytes", async () => {
    const mapping = mapTruth("memory");
    const places = placesFor(mapping.path, [directory, "/nonexistent"]);
    const names = [`an unlinked file in ${directory}`, `an unlinked file in ${tmpdir()}`, "memory"];
    expect(places.map(({ name }) => name)).toEqual(names);
    const { fd } = await move(mapping, places.slice(-1));
    expectMoved(mapping);
    fs.closeSync(fd);
    mapping.close();
  });

  test("says what every place answered when there is no room anywhere", async () => {
    const mapping = mapTruth("nowhere");
    const before = descriptors();
    const error = await errorOf(move(mapping, [fullDevice, place("a small one", disk.open, 1000)]));
    expect(error.code).toBe("NO-ROOM");
    expect(error.message).toContain(`${SIZE} bytes`);
    expect(error.message).toContain("a full disk: ENOSPC; a small one: room for 1000 bytes");
    expect(descriptors()).toBe(before);
    mapping.close();
  });

  test("gives up when the file was changed, whatever it looks like now", async () => {
    for (const change of [
      (path: string) => fs.truncateSync(path, SIZE - 1),
      (path: string) => fs.appendFileSync(path, "x"),
      (path: string) => fs.utimesSync(path, 5, 5),
    ]) {
      const mapping = mapTruth("changed");
      change(mapping.path);
      expect((await errorOf(move(mapping, [disk]))).code).toBe("CHANGED");
      mapping.close();
    }
  });

  test("stops when told to", async () => {
    const mapping = mapTruth("aborted");
    const before = descriptors();
    const aborter = new AbortController();
    const moving = move(mapping, [disk], aborter.signal);
    aborter.abort(new Error("enough"));
    expect(moving).rejects.toThrow("enough");
    await moving.catch(() => {});
    expect(descriptors()).toBe(before);
    mapping.close();
  });
});
