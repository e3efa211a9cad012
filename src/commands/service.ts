/** The command service as the server wires it: table, slow log and dispatch over one server. */
import type { Server } from "./context.ts";
import { Dispatcher } from "./dispatch.ts";
import { COMMANDS } from "./index.ts";
import { CommandTable } from "./registry.ts";
import { SlowLog } from "./slowlog.ts";
import type { Command } from "./table.ts";

/** A dispatcher for `server`, to be given to `Listener.open`. Call its `tick` once a second. */
export function commandService(server: Server, rows: readonly Command[] = COMMANDS): Dispatcher {
  const { config, stats } = server;
  const slowLog = new SlowLog(config.number("slowlog-log-slower-than"), config.number("slowlog-max-len"));
  return new Dispatcher(server, new CommandTable(rows, stats), slowLog);
}
