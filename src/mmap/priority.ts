/** How much of a busy machine a thread gets. */
import { linux } from "./libc.ts";

const PRIO_PROCESS = 0;
const THIS_THREAD = 0;
/** Weighs 526, others 1024. */
const NICE = 3;

/**
 * This thread gets half of what others get where processors are short, from now on: for Workers, behind the thread that answers
 * clients. Linux only, where a priority is a thread's and not the process's.
 */
export function yieldToOthers(): void {
  linux?.setpriority(PRIO_PROCESS, THIS_THREAD, NICE);
}
