/** The command service as the server wires it: table, slow log, latencies and dispatch over one server. */
import type { Server } from "./context.ts";
import { Dispatcher } from "./dispatch.ts";
import { COMMANDS } from "./index.ts";
import { CommandTable } from "./registry.ts";
import { SlowLog } from "./slowlog.ts";
import type { Command } from "./table.ts";

const SLOWER_THAN = "slowlog-log-slower-than";
const MAX_LEN = "slowlog-max-len";
const LATENCY_THRESHOLD = "latency-monitor-threshold";

/** A dispatcher for `server`, to be given to `Listener.open`. Call its `tick` once a second. */
export function commandService(server: Server, rows: readonly Command[] = COMMANDS): Dispatcher {
  const { config, stats } = server;
  const slowLog = new SlowLog(config.number(SLOWER_THAN), config.number(MAX_LEN));
  config.onChange([SLOWER_THAN, MAX_LEN], () => slowLog.configure(config.number(SLOWER_THAN), config.number(MAX_LEN)));
  const { latencyEvents } = stats;
  const followThreshold = () => latencyEvents.configure(config.number(LATENCY_THRESHOLD));
  config.onChange([LATENCY_THRESHOLD], followThreshold);
  followThreshold();
  return new Dispatcher(server, new CommandTable(rows, stats), slowLog);
}
