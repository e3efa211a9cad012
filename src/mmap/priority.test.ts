/** A thread that yields: in a process of its own, since nobody but root may take it back. */
import { expect, test } from "bun:test";
import { join } from "node:path";

test.skipIf(process.platform !== "linux")("the calling thread's priority is lower, no other's", () => {
  const script = `
    import { readFileSync } from "node:fs";
    import { yieldToOthers } from ${JSON.stringify(join(import.meta.dir, "priority.ts"))};
    const niceOf = (path) => Number(readFileSync(path, "latin1").split(") ")[1].split(" ")[16]);
    // A thread of the runtime may have ended since it was listed.
    const niceOfThread = (id) => {
      try {
        return niceOf("/proc/self/task/" + id + "/stat");
      } catch {
        return before;
      }
    };
    const before = niceOf("/proc/thread-self/stat");
    const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(0)"])));
    await new Promise((resolve) => (worker.onmessage = resolve));
    yieldToOthers();
    const { readdirSync } = await import("node:fs");
    const all = readdirSync("/proc/self/task").map((id) => niceOfThread(id) - before);
    console.log(JSON.stringify([niceOf("/proc/thread-self/stat") - before, all.filter((nice) => nice !== 0).length]));
    process.exit(0);`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script]);
  expect(`${stdout}${stderr}`.trim()).toBe("[3,1]");
});
