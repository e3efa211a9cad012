/**
 * Saving and the end of the server: SAVE, BGSAVE, LASTSAVE, SHUTDOWN.
 *
 * A command that waits for a save is parked: its client waits, others are served.
 */
import { awaited } from "./awaited.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { syntax } from "./syntax.ts";
import type { Command } from "./table.ts";

const IN_PROGRESS = "ERR Background save already in progress";

export const rows: readonly Command[] = [
  {
    name: "save",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading", "no_multi"],
    categories: [],
    since: "1.0.0",
    group: "server",
    complexity: "O(N) in the number of keys",
    summary: "Saves the dataset to its file, and answers when that is done.",
    handler: save,
  },
  {
    name: "bgsave",
    arity: -1,
    flags: ["admin", "noscript", "no_async_loading"],
    categories: [],
    since: "1.0.0",
    group: "server",
    complexity: "O(1)",
    summary: "Saves the dataset to its file in the background.",
    arguments: syntax("[SCHEDULE]"),
    handler: bgsave,
  },
  {
    name: "lastsave",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    tips: ["nondeterministic_output"],
    since: "1.0.0",
    group: "server",
    complexity: "O(1)",
    summary: "Tells when the dataset was last saved: seconds since 1970.",
    handler: (c) => c.reply.integer(Math.floor(c.server.saving.lastSaveMs / 1000)),
  },
  {
    name: "shutdown",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "allow_busy"],
    categories: [],
    since: "1.0.0",
    group: "server",
    complexity: "O(N) in the number of keys when it saves, else O(1)",
    summary: "Ends the server, after a last save where save points are configured and something has changed.",
    arguments: syntax("[(NOSAVE | SAVE)] [NOW] [FORCE] [ABORT]"),
    handler: shutdown,
  },
];

function* save(c: Context): Generator<void, void, void> {
  const { saving } = c.server;
  if (saving.isInBackground) throw new ReplyError(IN_PROGRESS);
  if (yield* awaited(c, saving.saveNow())) c.reply.ok();
  else c.reply.error("ERR");
}

function bgsave(c: Context): void | Generator<void, void, void> {
  const { args, reply } = c;
  const { saving } = c.server;
  const isScheduled = args.count === 2 && args.is(1, "SCHEDULE");
  if (args.count > 1 && !isScheduled) throw syntaxError();
  if (saving.startInBackground()) reply.simple("Background saving started");
  else if (!saving.isInBackground) return bgsaveWhenIdle(c);
  else if (isScheduled && saving.isSettling) {
    saving.schedule();
    reply.simple("Background saving scheduled");
  } else throw new ReplyError(IN_PROGRESS);
}

/** Another client waits for a save (SAVE, FLUSHALL): in Redis nobody is served meanwhile. */
function* bgsaveWhenIdle(c: Context): Generator<void, void, void> {
  const { saving } = c.server;
  while (!saving.isInBackground && !saving.startInBackground()) yield* awaited(c, saving.whenIdle());
  c.reply.simple("Background saving started");
}

function* shutdown(c: Context): Generator<void, void, void> {
  const { args, server } = c;
  let abort = false;
  const options = { save: false, nosave: false, force: false };
  for (let i = 1; i < args.count; i++) {
    if (args.is(i, "NOSAVE")) options.nosave = true;
    else if (args.is(i, "SAVE")) options.save = true;
    else if (args.is(i, "FORCE")) options.force = true;
    else if (args.is(i, "ABORT")) abort = true;
    else if (!args.is(i, "NOW")) throw syntaxError();
  }
  if ((options.save && options.nosave) || (abort && args.count > 2)) throw syntaxError();
  if (abort) {
    if (!server.abortShutdown()) throw new ReplyError("ERR No shutdown in progress.");
    c.reply.ok();
    return;
  }
  const failed = server.shutdown("User requested shutdown...", options).then(() => true);
  yield* awaited(c, failed);
  c.reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
}
