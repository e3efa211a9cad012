/** Runs a script on Folio and on redis-server: the first difference between their replies, changes counted, states, or nothing. */
import { tokens } from "../../support/compare-replies.ts";
import { encodeCommand, parsedReply } from "../../support/resp-client.ts";
import { type Asked, asked, consumersOf, judged } from "./rules.ts";
import { isCommand, type Step } from "./script.ts";
import { Lane, NoReply, type Server, type Servers } from "./servers.ts";
import { line, shown } from "./shown.ts";
import { DATABASES, type Encodings, findStateDifference, type StateDifference } from "./state.ts";

export interface Difference extends StateDifference {
  /** Steps up to here show it. */
  readonly steps: number;
}

const BATCH = 50;
const POLL_MS = 2;
const SETTLE_MS_MAX = 20_000;
const BLOCK_MS_MAX = 3000;
const EXPIRE_MS = 20;
/** proto-max-bulk-len of both, less than which a payload must be. */
const BULK_BYTES_MAX = 1024 * 1024;
const PAYLOAD_BYTES_MAX = 1_000_000;
/** Microseconds a key: a save of a round's keys lasts while some batches run. */
const SAVE_DELAY_US = "1500";
/** Words of one command from which its elements may count as many. */
const MANY_WORDS = 12;

class Found extends Error {
  constructor(readonly difference: StateDifference) {
    super(difference.text);
  }
}

/** The states may differ from here on, both being right. */
class Open extends Error {}

interface Waiting {
  readonly words: Step;
  /** Of Folio and of redis-server. */
  readonly lanes: readonly Lane[];
  readonly ids: readonly string[];
}

const kindOf = (reply: string): string => (reply.startsWith("-") ? reply.slice(0, 40).trim() : reply.slice(0, 1));

export class Run {
  readonly #servers: Servers;
  readonly #isSaving: boolean;
  readonly #hasUncounted: boolean;
  readonly #encodings: Encodings;
  #waiting: Waiting[] = [];
  /** Commands that both have answered. */
  commands = 0;
  /** Commands that Folio does not have yet. */
  missing = 0;
  /** Of each command: how often, and how often it was refused. */
  readonly counts = new Map<string, [all: number, refused: number]>();

  constructor(servers: Servers, script: readonly Step[]) {
    this.#servers = servers;
    this.#isSaving = script.some(([name]) => name === "@save");
    this.#hasUncounted = script.some(([name]) => name === "@block" || name === "@expire");
    this.#encodings = {
      isSaving: this.#isSaving,
      hasMany: script.some((step) => step.length >= MANY_WORDS || /STORE$/i.test(step[0] as string)),
      hasSort: script.some(([name]) => /^sort/i.test(name as string)),
    };
  }

  async run(script: readonly Step[]): Promise<Difference | null> {
    let at = 0;
    try {
      await this.#begin();
      while (at < script.length) {
        const from = at;
        while (at < script.length && at - from < BATCH && isPlain(script[at] as Step)) at++;
        if (at > from) await this.#batch(script.slice(from, at));
        else await this.#special(script[at++] as Step);
      }
      return null;
    } catch (error) {
      if (error instanceof Open) return null;
      if (error instanceof Found) return { ...error.difference, steps: at };
      if (!(error instanceof NoReply)) throw error;
      const output = await this.#servers.revive();
      const said = /panic|error|assert|Error.*/i.exec(output)?.[0] ?? "";
      return { kind: `gone ${said}`, text: `${error.message}; Folio printed:\n${output}`, steps: at };
    } finally {
      for (const { lanes } of this.#waiting) for (const lane of lanes) lane.close();
    }
  }

  async #begin(): Promise<void> {
    const first = [
      ["HELLO", "2"],
      ["SELECT", "0"],
      ["FLUSHALL", "SYNC"],
      ["CONFIG", "SET", "proto-max-bulk-len", `${BULK_BYTES_MAX}`],
      ["DEBUG", "SET-ACTIVE-EXPIRE", "0"],
    ];
    const [folio, redis] = this.#servers.both;
    await this.#settle();
    await folio.commands.ask([...first, ["CONFIG", "SET", "rdb-key-save-delay", SAVE_DELAY_US]]);
    await redis.commands.ask(first);
  }

  /** Commands in one go, first to Folio, then what is to be asked in their place to redis-server. */
  async #batch(steps: readonly Step[]): Promise<void> {
    const info = ["INFO", "persistence"];
    const [folio, redis] = this.#servers.both;
    const ours = await folio.commands.ask([info, ...steps, info]);
    const questions: (Asked | null)[] = steps.map((words, i) => asked(words, ours[i + 1] as string));
    const requests = questions.flatMap((one) => one?.requests ?? []);
    const theirs = await redis.commands.ask([info, ...requests, info]);
    let at = 1;
    for (const [i, question] of questions.entries()) {
      if (question === null) {
        this.missing++;
        continue;
      }
      this.#count((steps[i] as [string]).at(0) ?? "", ours[i + 1] as string);
      const answers = theirs.slice(at, (at += question.requests.length));
      const verdict = question.judge(answers);
      if (verdict === "same") continue;
      if (verdict === "open") throw new Open();
      const mine = ours[i + 1] as string;
      const text = `${line(steps[i] as Step)}\n  folio ${shown(mine)}\n  redis ${answers.map((one) => shown(one)).join(" ")}`;
      throw new Found({ kind: `${steps[i]?.[0]?.toUpperCase()} ${kindOf(mine)} ${kindOf(answers[0] ?? "")}`, text });
    }
    this.#compareChanges(ours, theirs);
  }

  #count(command: string, reply: string): void {
    this.commands++;
    const name = command.toUpperCase();
    const [all, refused] = this.counts.get(name) ?? [0, 0];
    this.counts.set(name, [all + 1, refused + (reply.startsWith("-") ? 1 : 0)]);
  }

  #compareChanges(ours: readonly string[], theirs: readonly string[]): void {
    // A save takes what it has written off the count when it has ended; 7.2 also counts what clients that waited are given;
    // Redis counts the deletion of what has expired unseen.
    if (this.#isSaving || this.#hasUncounted) return;
    const changes = (replies: readonly string[]) => {
      const [before, after] = [replies[0] as string, replies.at(-1) as string].map((reply) =>
        Number(/rdb_changes_since_last_save:(\d+)/.exec(reply)?.[1]),
      ) as [number, number];
      return after - before;
    };
    const [mine, other] = [changes(ours), changes(theirs)];
    if (mine !== other) throw new Found({ kind: "changes", text: `changes counted: folio ${mine}, redis ${other}` });
  }

  async #special(step: Step): Promise<void> {
    const [name, ...rest] = step as [string, ...string[]];
    switch (name) {
      case "@config":
        return await this.#onBoth(["CONFIG", "SET", ...rest]);
      case "@protocol":
        for (const server of this.#servers.both) await server.commands.ask([["HELLO", ...rest]]);
        return;
      case "@restore":
        return await this.#restore(rest[0] as string, rest[1] as string);
      case "@expire":
        return await this.#expire(rest[0] as string);
      case "@block":
        return await this.#block(rest);
      case "@save":
        await this.#servers.folio.questions.ask([["BGSAVE"]]);
        return;
      case "@settle":
        return await this.#settle();
      case "@reload":
        await this.#release();
        return await this.#onBoth(["DEBUG", "RELOAD"]);
      case "@check":
        return await this.#check();
      case "@drain":
        return await this.#drain();
      default:
        throw new Error(`no such step: ${name}`);
    }
  }

  async #onBoth(words: readonly string[]): Promise<void> {
    for (const server of this.#servers.both) {
      const [reply = ""] = await server.questions.ask([words]);
      if (!reply.startsWith("+OK"))
        throw new Found({ kind: `${words[0]} ${words[1]}`, text: `${line(words)} answered ${reply}` });
    }
  }

  async #restore(from: string, to: string): Promise<void> {
    this.commands++;
    const { both } = this.#servers;
    const payloads: string[] = [];
    for (const { commands } of both) {
      const [dump = ""] = await commands.ask([["DUMP", from]]);
      payloads.push(/^(\$-1|_)/.test(dump) ? "" : String(parsedReply(dump)));
    }
    // Redis dumps compressed what Folio dumps as it lies; it may then be longer than a request may be.
    if (payloads.some((payload) => payload.length > PAYLOAD_BYTES_MAX)) return;
    const replies: string[] = [];
    for (const [i, { commands }] of both.entries()) {
      replies.push((await commands.ask([["RESTORE", to, "0", payloads[i] as string, "REPLACE"]]))[0] as string);
    }
    const [ours, theirs] = replies as [string, string];
    if (ours === theirs) return;
    throw new Found({ kind: "@restore", text: `@restore ${from} ${to}: folio ${ours}, redis ${theirs}` });
  }

  async #expire(key: string): Promise<void> {
    for (const { questions } of this.#servers.both) {
      await questions.ask([
        ["SELECT", "0"],
        ["PEXPIRE", key, `${EXPIRE_MS}`],
      ]);
    }
    await Bun.sleep(2 * EXPIRE_MS + 5);
  }

  async #settle(): Promise<void> {
    const deadline = Date.now() + SETTLE_MS_MAX;
    while ((await this.#servers.folio.info("persistence", "rdb_bgsave_in_progress")) !== 0) {
      if (Date.now() > deadline) throw new Found({ kind: "@settle", text: "the save does not end" });
      await Bun.sleep(POLL_MS);
    }
  }

  /** Another client sends the command to each server, which has parked it or replied when this ends. */
  async #block(words: readonly string[]): Promise<void> {
    const lanes: Lane[] = [];
    const ids: string[] = [];
    for (const server of this.#servers.both) {
      const lane = await Lane.connect(server.process.port);
      const [id = ""] = await lane.ask([["CLIENT", "ID"], ...consumersOf(words)]);
      const before = await server.info("clients", "blocked_clients");
      lane.send(encodeCommand(words));
      const deadline = Date.now() + BLOCK_MS_MAX;
      while (!lane.hasReply && (await server.info("clients", "blocked_clients")) <= before) {
        if (Date.now() > deadline)
          throw new Found({ kind: "@block", text: `${line(words)}: neither waits nor replies` });
        await Bun.sleep(1);
      }
      lanes.push(lane);
      ids.push(id.slice(1, -2));
    }
    this.#waiting.push({ words, lanes, ids });
  }

  /** Ends the waiting of all clients and compares what they were answered. */
  async #release(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [i, server] of this.#servers.both.entries()) {
      await server.questions.ask(waiting.map(({ ids }) => ["CLIENT", "UNBLOCK", ids[i] as string]));
    }
    for (const { words, lanes } of waiting) {
      const [ours, theirs] = (await Promise.all(lanes.map((lane) => lane.reply()))) as [string, string];
      for (const lane of lanes) lane.close();
      this.commands++;
      if (judged({ words, ours, theirs }) === "differs") {
        const text = `waiting: ${line(words)}\n  folio ${shown(ours)}\n  redis ${shown(theirs)}`;
        throw new Found({ kind: `@block ${words[0]} ${kindOf(ours)} ${kindOf(theirs)}`, text });
      }
    }
  }

  async #check(): Promise<void> {
    await this.#release();
    const found = await findStateDifference(this.#servers, this.#encodings);
    if (found !== null) throw new Found(found);
  }

  /** Nothing may be left in Folio's memory when every key has been deleted. */
  async #drain(): Promise<void> {
    await this.#release();
    const { folio } = this.#servers;
    for (const db of DATABASES) {
      const [, keys = ""] = await folio.questions.ask([
        ["SELECT", `${db}`],
        ["KEYS", "*"],
      ]);
      const names = tokens(keys).slice(1);
      await folio.questions.ask(names.map(({ text }) => ["DEL", text]));
    }
    const left = async () => (await overlayBytes(folio)) ?? 0;
    const deadline = Date.now() + BLOCK_MS_MAX;
    while ((await left()) > 0) {
      if (Date.now() > deadline)
        throw new Found({ kind: "@drain", text: `${await left()} bytes are left when all keys are deleted` });
      await Bun.sleep(POLL_MS);
    }
  }
}

/** Bytes of entries and structures in the overlays, tables apart. */
async function overlayBytes(folio: Server): Promise<number> {
  const all = await folio.info("layers", "overlay_bytes");
  return all - (await folio.info("layers", "overlay_table_bytes"));
}

function isPlain(step: Step): boolean {
  return isCommand(step) && step[0] !== "@restore";
}
