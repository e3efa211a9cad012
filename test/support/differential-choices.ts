/**
 * Random commands, some of which choose at random what they answer or take (HRANDFIELD, SPOP): the harness runs each one first, and
 * redis-server is asked about what was chosen. After each the states of its keys and the count of changes must be the same.
 */
import { expect } from "bun:test";
import { type Differential, unordered } from "./differential.ts";
import { runReady } from "./differential-writes.ts";
import type { Word } from "./redis-server.ts";

/** How many commands' requests are sent to redis-server in one go. */
const AT_ONCE = 200;

/** A command's reply here, and what redis-server is asked in its place. */
export interface RunHere {
  readonly reply: string;
  readonly there: readonly Word[];
}

export interface ChoiceOptions {
  /** Makes the next command. */
  readonly command: () => Word[];
  readonly runHere: (words: readonly Word[]) => RunHere;
  readonly keysOf: (words: readonly Word[]) => readonly Word[];
  /** What is asked about each of a command's keys: the words before the key. */
  readonly questions: readonly string[];
  /** Replies as they are compared, by what was asked here. */
  readonly shape: (reply: string, request: readonly Word[]) => unknown;
  /** Called before each command is made. */
  readonly between: () => void;
}

interface Question {
  readonly about: string;
  readonly reply: unknown;
}

/** Runs `commands` of them, or as many more as fill the last go. */
export async function sameChoices(both: Differential, commands: number, options: ChoiceOptions): Promise<void> {
  for (let done = 0; done < commands; done += AT_ONCE) await sameBatch(both, done, options);
}

async function sameBatch(both: Differential, done: number, options: ChoiceOptions): Promise<void> {
  const { folio, redis } = both;
  const { shape } = options;
  const ours: Question[] = [];
  const requests: (readonly Word[])[] = [];
  const ask = (request: readonly Word[], there: readonly Word[], reply: string, about: string) => {
    ours.push({ about, reply: shape(reply, request) });
    requests.push(there);
  };
  for (let i = done; i < done + AT_ONCE; i++) {
    options.between();
    const command = options.command();
    const about = shown(command);
    const { reply, there } = options.runHere(command);
    ask(command, there, reply, `${i}: ${about}`);
    ask(["INFO"], ["INFO", "persistence"], `${folio.server.keyspace.dirty}`, `changes after ${about}`);
    for (const key of options.keysOf(command)) {
      for (const question of options.questions) {
        const request = [...question.split(" "), key];
        ask(request, request, runReady(folio, request), `${i}: ${about} → ${question} ${key}`);
      }
    }
  }
  const theirs = await redis.connection.sendAll(requests);
  for (const [i, request] of requests.entries()) {
    const { about, reply } = ours[i] as Question;
    const their = theirs[i] as string;
    const changes = /rdb_changes_since_last_save:(\d+)/;
    const expected = request[0] === "INFO" ? changes.exec(their)?.[1] : shape(their, request);
    expect({ about, reply }).toEqual({ about, reply: expected });
  }
}

/** Bulk strings of an aggregate reply, sorted. */
export function bulks(reply: string): string[] {
  return unordered(reply)
    .filter((item) => item.startsWith("$") && !item.startsWith("$-"))
    .map((item) => item.slice(item.indexOf("\r\n") + 2, -2));
}

function shown(command: readonly Word[]): string {
  const words = command.map((word) => JSON.stringify(String(word).slice(0, 40)));
  return words.join(" ").slice(0, 300);
}
