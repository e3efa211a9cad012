/** LATENCY: what took long, and how long each command takes. */
import type { Context } from "./context.ts";
import { ReplyError } from "./errors.ts";
import { helpRow } from "./help.ts";
import { latencyGraph, latencyReport } from "./latency-text.ts";
import type { Entry } from "./registry.ts";
import type { Command, CommandArgument, CommandFlag } from "./table.ts";

const FLAGS: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];
const TIPS = ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];
const RESET_TIPS = ["request_policy:all_nodes", "response_policy:all_succeeded"];
const EVENT: CommandArgument = { name: "event", type: "string" };
const EVENTS: CommandArgument = { ...EVENT, optional: true, multiple: true };

function sub(
  name: string,
  arity: number,
  since: string,
  summary: string,
  handler: (c: Context) => void,
  args: readonly CommandArgument[] = [],
  tips = TIPS,
): Command {
  const base = { name, arity, flags: FLAGS, categories: [], since, group: "server", summary, handler, tips } as const;
  return { ...base, complexity: "O(N) in the number of samples", arguments: args };
}

export const rows: readonly Command[] = [
  {
    name: "latency",
    arity: -2,
    flags: [],
    categories: [],
    since: "2.8.13",
    group: "server",
    complexity: "Depends on the subcommand",
    summary: "Holds the commands about latency.",
    subcommands: [
      sub("doctor", 2, "2.8.13", "Tells in words what took long.", doctor),
      sub("graph", 3, "2.8.13", "Draws an event's latencies over time.", graph, [EVENT]),
      helpRow("2.8.13", ["loading", "stale"], []),
      sub("histogram", -2, "7.0.0", "Tells how many calls of commands took how long.", histogram, [
        { name: "command", type: "string", optional: true, multiple: true },
      ]),
      sub("history", 3, "2.8.13", "Gives an event's latencies over time.", history, [EVENT]),
      sub("latest", 2, "2.8.13", "Gives every event's latest latency.", latest),
      sub("reset", -2, "2.8.13", "Forgets the latencies of events.", reset, [EVENTS], RESET_TIPS),
    ],
  },
];

function history({ args, reply, server }: Context): void {
  const samples = server.stats.latencyEvents.byName.get(args.text(2))?.samples ?? [];
  reply.array(samples.length);
  for (const { atSeconds, ms } of samples) {
    reply.array(2);
    reply.integer(atSeconds);
    reply.integer(ms);
  }
}

function latest({ reply, server }: Context): void {
  const { byName } = server.stats.latencyEvents;
  reply.array(byName.size);
  for (const [name, { samples, highestMs }] of byName) {
    const last = samples.at(-1);
    reply.array(4);
    reply.bulkText(name);
    reply.integer(last?.atSeconds ?? 0);
    reply.integer(last?.ms ?? 0);
    reply.integer(highestMs);
  }
}

function reset({ args, reply, server }: Context): void {
  const { latencyEvents } = server.stats;
  let events = 0;
  for (let i = 2; i < args.count; i++) if (latencyEvents.reset(args.text(i))) events++;
  reply.integer(args.count === 2 ? latencyEvents.resetAll() : events);
}

function graph({ args, reply, server }: Context): void {
  const name = args.text(2);
  const series = server.stats.latencyEvents.byName.get(name);
  if (series === undefined) throw new ReplyError(`ERR No samples available for event '${name}'`);
  reply.verbatim(latencyGraph(name, series, Date.now()));
}

function doctor({ reply, server }: Context): void {
  const { byName, thresholdUsec } = server.stats.latencyEvents;
  reply.verbatim(latencyReport(byName, thresholdUsec));
}

/** Commands by full name; a container stands for its subcommands. Those that were never called, and unknown ones, are left out. */
function histogram({ args, reply, commands }: Context): void {
  const asked: Entry[] = [];
  if (args.count === 2) asked.push(...commands.all());
  for (let i = 2; i < args.count; i++) {
    const entry = commands.byFullName(args.text(i));
    if (entry !== null) asked.push(entry, ...(entry.subcommands?.entries ?? []));
  }
  const called = asked.filter(({ stats }) => stats.latency !== null);
  reply.map(called.length);
  for (const { fullName, stats } of called) {
    const steps = stats.latency?.steps() ?? [];
    reply.bulkText(fullName);
    reply.map(2);
    reply.bulkText("calls");
    reply.integer(stats.latency?.calls ?? 0);
    reply.bulkText("histogram_usec");
    reply.map(steps.length);
    for (const [usec, calls] of steps) {
      reply.integer(usec);
      reply.integer(calls);
    }
  }
}
