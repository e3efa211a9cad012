/**
 * Commands on keys of every type, on a real redis-server and in the command harness, database by database: after each one the reply, the
 * state of its keys in every database that is used, and the count of changes must be the same.
 */
import { expect } from "bun:test";
import type { Differential } from "./differential.ts";
import { runReady } from "./differential-writes.ts";
import type { Word } from "./redis-server.ts";

/** Databases whose keys are compared. */
const DBIDS = [0, 9] as const;
/** Between the two servers' clocks when they see the same command. */
const CLOCK_MS_MAX = 60_000;

export interface GenericWrites {
  readonly dbid?: number;
  /** Keys whose state is compared after each command. */
  readonly keys: readonly Word[];
}

/** Both sides run the commands. */
export async function sameGenericWrites(
  both: Differential,
  commands: readonly (readonly Word[])[],
  { dbid = 0, keys }: GenericWrites,
): Promise<void> {
  const requests: (readonly Word[])[] = [];
  for (const [i, words] of commands.entries()) {
    requests.push(["HELLO", 2 + (i % 2)], ["SELECT", dbid], words, ["INFO", "persistence"]);
    for (const db of DBIDS) {
      requests.push(["SELECT", db]);
      for (const key of keys) {
        requests.push(["TYPE", key], ["PEXPIRETIME", key], ["DEBUG", "DIGEST-VALUE", key]);
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
      command = requests[i + 2] as readonly Word[];
    } else if (words[0] === "SELECT") folio.dbid = words[1] as number;
    else if (words[0] === "INFO") {
      const changes = Number(/rdb_changes_since_last_save:(\d+)/.exec(reply)?.[1]);
      const after = shown(command);
      expect({ after, changes: folio.server.keyspace.dirty }).toEqual({ after, changes });
    } else {
      const ours = runReady(folio, words);
      if (ours === reply || (words[0] === "PEXPIRETIME" && isNear(ours, reply))) continue;
      const question = `${dbid}: ${shown(command)} → ${folio.dbid}: ${shown(words)}`;
      expect({ question, reply: ours }).toEqual({ question, reply });
    }
  }
  expect(commands.length).toBeGreaterThan(0);
}

function isNear(ours: string, theirs: string): boolean {
  return Math.abs(Number(ours.slice(1)) - Number(theirs.slice(1))) < CLOCK_MS_MAX && Number(theirs.slice(1)) > 0;
}

function shown(words: readonly Word[]): string {
  return words.map((word) => JSON.stringify(String(word).slice(0, 80))).join(" ");
}
