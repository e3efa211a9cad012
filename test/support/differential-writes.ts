/**
 * Commands that write, on a real redis-server and in the command harness: after each one the reply, the state of its keys and the count
 * of changes must be the same on both sides.
 */
import { expect } from "bun:test";
import { NotReady } from "../../src/commands/not-ready.ts";
import type { CommandHarness } from "./command-harness.ts";
import type { Differential } from "./differential.ts";
import type { Word } from "./redis-server.ts";

/** What is asked about a key after each command: bytes, type, expiry, encoding. */
const QUESTIONS = ["TYPE", "PEXPIRETIME", "OBJECT ENCODING", "GET"] as const;
const PROTOCOLS = [2, 3] as const;

export interface WriteOptions {
  /** The keys of a command, whose state is compared after it. */
  readonly keysOf: (words: readonly Word[]) => readonly Word[];
  /** Replies and states as they are compared. */
  readonly shape?: (reply: string, question: readonly Word[]) => string;
  /** What is asked about each of the keys: a command's words before the key, and behind it after "$". Else QUESTIONS. */
  readonly questions?: readonly string[];
  /** Called before each command runs in the harness. */
  readonly between?: () => void;
}

/** Runs the commands on both sides, each in a protocol of its own. */
export async function sameWrites(
  both: Differential,
  commands: readonly (readonly Word[])[],
  { keysOf, shape = (reply) => reply, between, questions = QUESTIONS }: WriteOptions,
): Promise<void> {
  const requests: (readonly Word[])[] = [];
  for (const [i, words] of commands.entries()) {
    requests.push(["HELLO", PROTOCOLS[i % 2] as number], words, ["INFO", "persistence"]);
    for (const key of keysOf(words)) {
      for (const question of questions) {
        const [before = "", behind = ""] = question.split(" $ ");
        requests.push([...before.split(" "), key, ...(behind === "" ? [] : behind.split(" "))]);
      }
    }
  }
  const theirs = await both.redis.connection.sendAll(requests);
  const { folio } = both;
  let command: readonly Word[] = [];
  for (const [i, words] of requests.entries()) {
    const reply = theirs[i] as string;
    if (words[0] === "HELLO") {
      folio.protocol = words[1] as 2 | 3;
      command = requests[i + 1] as readonly Word[];
      between?.();
    } else if (words[0] === "INFO") {
      const changes = Number(/rdb_changes_since_last_save:(\d+)/.exec(reply)?.[1]);
      if (folio.server.keyspace.dirty === changes) continue;
      expect({ after: shown(command), changes: folio.server.keyspace.dirty }).toEqual({
        after: shown(command),
        changes,
      });
    } else {
      const ours = runReady(folio, words);
      if (ours === reply) continue;
      const question = `${shown(command)} → ${shown(words)}`;
      expect({ question, reply: shape(ours, words) }).toEqual({ question, reply: shape(reply, words) });
    }
  }
  expect(commands.length).toBeGreaterThan(0);
}

/** Of a command's words those that the pattern finds, each once. */
export function keysNamed(pattern: RegExp): (words: readonly Word[]) => Word[] {
  return (words) => [...new Set(words.filter((word) => pattern.test(String(word))))];
}

/** As `run`; what a handler is not ready for is done first, as dispatch does. */
export function runReady(folio: CommandHarness, words: readonly Word[]): string {
  for (;;) {
    try {
      return folio.run(...words);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      // Dispatch takes back the hit of the run that was in vain.
      folio.server.stats.keyspaceHits--;
      while (error.work.next().done !== true);
    }
  }
}

function shown(words: readonly Word[]): string {
  return words.map((word) => JSON.stringify(text(word))).join(" ");
}

function text(word: Word): string {
  const whole = word instanceof Uint8Array ? Buffer.from(word).toString("latin1") : String(word);
  return whole.length > 90 ? `${whole.slice(0, 80)}… (${whole.length})` : whole;
}
