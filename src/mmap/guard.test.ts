/** The guard's states and words. What it is for is tested with real intruders in test/fault/guard.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesystemOf } from "./filesystem.ts";
import { Guard } from "./guard.ts";
import { leaseStands } from "./lease.ts";
import { HAS_LEASES } from "./libc.ts";
import { Mapping } from "./mapping.ts";

const onLinux = HAS_LEASES ? test : test.skip; // leases are Linux's

let directory = "";
beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "folio-guard-unit-"));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function mapFile(name: string, size = 100_000): Mapping {
  const path = join(directory, name);
  fs.writeFileSync(path, Buffer.alloc(size, name));
  return Mapping.open(path);
}

interface Heard {
  readonly lines: string[];
  readonly lost: string[];
}

async function protect(mapping: Mapping, safety: "lease" | "copy"): Promise<{ guard: Guard } & Heard> {
  const lines: string[] = [];
  const lost: string[] = [];
  const guard = await Guard.protect(mapping, {
    safety,
    log: (level, text) => lines.push(`${level}: ${text}`),
    onLost: (reason) => lost.push(reason),
  });
  return { guard, lines, lost };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition() && turn < 2000; turn++) await Bun.sleep(5);
  expect(condition()).toBe(true);
}

describe("Guard", () => {
  onLinux("takes a lease, silently, and gives it back", async () => {
    const mapping = mapFile("leased");
    const { guard, lines } = await protect(mapping, "lease");
    expect(guard.status()).toEqual({ state: "leased", reason: "", movedBytes: 0, movedMs: 0 });
    expect(leaseStands(mapping.fd)).toBe(true);
    expect(lines).toEqual([]);
    guard.close();
    guard.close();
    expect(guard.state).toBe("closed");
    expect(leaseStands(mapping.fd)).toBe(false);
    fs.truncateSync(mapping.path, 0); // would wait 45 s for a lease of this very thread
    mapping.close();
  });

  test("mmap-safety copy serves a private copy, and says so", async () => {
    const mapping = mapFile("copied");
    const descriptors = fs.readdirSync("/dev/fd").length;
    const { guard, lines } = await protect(mapping, "copy");
    expect(guard.state).toBe("copy");
    expect(guard.status().movedBytes).toBe(mapping.size);
    expect(lines.length).toBe(2);
    expect(lines[0]).toContain("because mmap-safety is set to copy");
    expect(lines[1]).toContain("serving from a private copy");
    expect(fs.readdirSync("/dev/fd").length).toBe(descriptors);
    fs.truncateSync(mapping.path, 0);
    expect(Buffer.from(mapping.windows[0] as Uint8Array).equals(Buffer.alloc(100_000, "copied"))).toBe(true);
    guard.close();
    mapping.close();
  });

  test("a file that changed between opening and protecting is refused", async () => {
    const mapping = mapFile("changed");
    fs.appendFileSync(mapping.path, "more");
    expect(protect(mapping, "lease")).rejects.toThrow("was changed while it was being");
    await protect(mapping, "copy").catch(({ code }) => expect(code).toBe("CHANGED"));
    mapping.close();
  });

  onLinux("two guarded files: only the one that is asked for moves", async () => {
    const [one, two] = [mapFile("one"), mapFile("two")];
    const first = await protect(one, "lease");
    const second = await protect(two, "lease");
    const child = Bun.spawn(["sh", "-c", `echo x > '${two.path}'`]);
    expect(await child.exited).toBe(0);
    await second.guard.settled();
    expect([first.guard.state, second.guard.state]).toEqual(["leased", "evacuated"]);
    expect(second.lines.length).toBe(2);
    for (const { guard } of [first, second]) guard.close();
    for (const mapping of [one, two]) mapping.close();
  });

  // A file system with reflinks has room for any file.
  const onLinuxWithoutReflinks = HAS_LEASES && !filesystemOf(tmpdir()).mayReflink ? test : test.skip;

  onLinuxWithoutReflinks(
    "no room anywhere: the server is told to stop, and the other program is held until it has",
    async () => {
      const path = join(directory, "enormous");
      fs.writeFileSync(path, "");
      fs.truncateSync(path, 2 ** 42); // sparse, and more than any place of a test machine has room for
      const mapping = Mapping.open(path);
      const { guard, lost, lines } = await protect(mapping, "lease");
      expect(lines.join()).toContain("fs.lease-break-time");
      let isThrough = false;
      const child = Bun.spawn(["sh", "-c", `echo x >> '${path}'`]);
      child.exited.then(() => (isThrough = true));
      await until(() => lost.length > 0);
      expect(guard.state).toBe("lost");
      expect(lost[0]).toContain("no room for a private copy");
      expect(lost[0]).toContain("Stopping now");
      expect(isThrough).toBe(false);
      guard.close();
      mapping.close();
      expect(await child.exited).toBe(0);
      expect(lost.length).toBe(1);
    },
    30_000,
  );

  onLinux(
    "closing in the middle of an evacuation lets the other program through and reports nothing lost",
    async () => {
      const mapping = mapFile("closed-early", 2 ** 26);
      const { guard, lost } = await protect(mapping, "lease");
      const child = Bun.spawn(["sh", "-c", `echo x > '${mapping.path}'`]);
      await until(() => guard.state === "evacuating");
      guard.close();
      mapping.close();
      expect(await child.exited).toBe(0);
      await guard.settled();
      expect(guard.state).toBe("closed");
      expect(lost).toEqual([]);
    },
  );

  test("an adopted mapping cannot be guarded", async () => {
    const mapping = mapFile("adopted");
    const adopted = Mapping.adopt(mapping.describe());
    expect(protect(adopted, "copy")).rejects.toThrow("owner");
    adopted.close();
    mapping.close();
  });
});
