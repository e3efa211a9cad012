/**
 * Warming a server up: running what is to be measured until the compiler has done with it. Folio's compiler works in threads of its own;
 * of what it does in the first million requests nothing is left later, so a run in which those threads still work is none to measure.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { ServerProcess } from "../../test/support/processes.ts";

const RUNS_MAX = 12;
/** Runs in a row in which they are idle: between its two compilers' turns a single one may be. */
const IDLE_RUNS = 3;
/** Of a run's CPU, what threads other than the first may take: the collector's. */
const OTHERS_SHARE_MAX = 0.05;

/** Calls `run` until the server's other threads have little to do meanwhile. False as soon as `run` says so. */
export async function warmUp(server: ServerProcess, run: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0, idle = 0; i < RUNS_MAX && idle < IDLE_RUNS; i++) {
    const before = threadSeconds(server);
    if (!(await run())) return false;
    const after = threadSeconds(server);
    const others = after.others - before.others;
    idle = others < OTHERS_SHARE_MAX * (after.first - before.first + others) ? idle + 1 : 0;
  }
  return true;
}

/** Seconds of CPU of the process's first thread, and of those others that are there. */
function threadSeconds(server: ServerProcess): { first: number; others: number } {
  const tasks = `/proc/${server.pid}/task`;
  const seconds = { first: 0, others: 0 };
  for (const task of readdirSync(tasks)) {
    let used = 0;
    try {
      used = Number.parseInt(readFileSync(`${tasks}/${task}/schedstat`, "latin1"), 10) / 1e9;
    } catch {
      continue;
    }
    if (Number(task) === server.pid) seconds.first += used;
    else seconds.others += used;
  }
  return seconds;
}
