import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity, openUnlinked, publishFile, readFully, sameIdentity, writeFully } from "./file.ts";

let directory = "";
beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-file-"));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

describe("files", () => {
  test("a nameless file can be written and read, and nobody sees it", () => {
    const fd = openUnlinked(directory);
    expect(fs.readdirSync(directory)).toEqual([]);
    writeFully(fd, Buffer.from("hello"), 10);
    const read = Buffer.alloc(20, 0x2e);
    expect(readFully(fd, read, 8)).toBe(7);
    expect(read.toString("latin1")).toBe("\0\0hello.............");
    expect(fs.fstatSync(fd).nlink).toBe(0);
    fs.closeSync(fd);
  });

  test("an identity changes with the contents and stays with a rename", () => {
    const path = join(directory, "a");
    fs.writeFileSync(path, "x");
    fs.utimesSync(path, 1, 1);
    const before = fileIdentity(path);
    expect(before.size).toBe(1);
    expect(before.mtimeNs).toBe(1_000_000_000n);
    fs.renameSync(path, join(directory, "b"));
    expect(sameIdentity(before, fileIdentity(join(directory, "b")))).toBe(true);
    fs.appendFileSync(join(directory, "b"), "y");
    expect(sameIdentity(before, fileIdentity(join(directory, "b")))).toBe(false);
  });

  test("publishing replaces what was there", () => {
    const to = join(directory, "final");
    fs.writeFileSync(to, "old");
    const from = join(directory, "final.tmp");
    const fd = fs.openSync(from, "w");
    writeFully(fd, Buffer.from("new"), 0);
    publishFile(fd, from, to);
    fs.closeSync(fd);
    expect(fs.readFileSync(to, "latin1")).toBe("new");
    expect(fs.existsSync(from)).toBe(false);
  });
});
