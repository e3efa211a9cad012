import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { filesystemOf, kindOf, refuseRemote } from "./filesystem.ts";

describe("file systems", () => {
  test("remote ones are told from local ones, however f_type was widened", () => {
    expect(kindOf(0x6969n)).toEqual({ kind: "nfs", isRemote: true, isMemory: false, mayReflink: false });
    expect(kindOf(0xff534d42n).isRemote).toBe(true);
    expect(kindOf(BigInt.asIntN(32, 0xff534d42n)).kind).toBe("cifs");
    expect(kindOf(0x65735546n).kind).toBe("fuse");
    expect(kindOf(0xef53n)).toEqual({ kind: "ext4", isRemote: false, isMemory: false, mayReflink: false });
    expect(kindOf(BigInt.asIntN(32, 0x9123683en)).mayReflink).toBe(true);
    expect(kindOf(0x01021994n).isMemory).toBe(true);
    expect(kindOf(0x1234n)).toEqual({ kind: "type 0x1234", isRemote: false, isMemory: false, mayReflink: false });
  });

  test("the temporary directory is local and has room", () => {
    const { isRemote, freeBytes, kind } = filesystemOf(tmpdir());
    expect(isRemote).toBe(false);
    expect(freeBytes).toBeGreaterThan(0);
    expect(kind).not.toBe("");
    refuseRemote(tmpdir());
  });
});
