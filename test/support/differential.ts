/**
 * A real redis-server and the command harness over the dump it saved: one question, two answers, compared byte by byte
 * in RESP2 and RESP3.
 */
import { expect } from "bun:test";
import type { Command } from "../../src/commands/table.ts";
import { CommandHarness } from "./command-harness.ts";
import { RedisServer, replyEnd, type Word } from "./redis-server.ts";

export class Differential {
  readonly redis: RedisServer;
  readonly folio: CommandHarness;

  private constructor(redis: RedisServer, folio: CommandHarness) {
    this.redis = redis;
    this.folio = folio;
  }

  /** Starts redis-server, fills it, has it save, and opens what it saved. */
  static async start(
    rows: readonly Command[],
    fill: (redis: RedisServer) => Promise<void>,
    flags: readonly string[] = [],
  ): Promise<Differential> {
    const redis = await RedisServer.start(flags);
    await fill(redis);
    return new Differential(redis, await CommandHarness.open(await redis.save(), rows));
  }

  async stop(): Promise<void> {
    await this.folio.close();
    await this.redis.stop();
  }

  /** Asserts that both answer the same bytes, after `shape` where the order is free. */
  async same(words: readonly Word[], shape?: (reply: string) => unknown): Promise<void> {
    await this.sameAll([words], shape);
  }

  /** As `same` for each of the commands, sent in one go. */
  async sameAll(
    commands: readonly (readonly Word[])[],
    shape: (reply: string) => unknown = (reply) => reply,
  ): Promise<void> {
    for (const protocol of [2, 3] as const) {
      const [, ...replies] = await this.redis.connection.sendAll([["HELLO", protocol], ...commands]);
      this.folio.protocol = protocol;
      for (const [i, words] of commands.entries()) {
        const ours = this.folio.run(...words);
        const theirs = replies[i] as string;
        if (ours === theirs) continue;
        const question = `RESP${protocol} ${words.map((word) => JSON.stringify(String(word).slice(0, 80))).join(" ")}`;
        expect({ question, reply: shape(ours) }).toEqual({ question, reply: shape(theirs) });
      }
    }
    expect(commands.length).toBeGreaterThan(0);
  }

  /** As `sameAll`, each command a line of words parted by single spaces. */
  async sameLines(lines: string, shape?: (reply: string) => unknown): Promise<void> {
    const trimmed = lines.split("\n").map((line) => line.trim());
    await this.sameAll(
      trimmed.filter((line) => line !== "").map((line) => line.split(" ")),
      shape,
    );
  }
}

/** An aggregate reply's header and its elements' raw bytes, sorted: for members in any order. */
export function unordered(reply: string): string[] {
  return elementsOf(reply, 1);
}

/** As `unordered`, for pairs of elements that belong together. */
export function unorderedPairs(reply: string): string[] {
  return elementsOf(reply, 2);
}

/** Header, first element, and the elements of the second one sorted: what the scan commands answer. */
export function unorderedScan(pairs: boolean): (reply: string) => unknown {
  return (reply) => {
    if (!reply.startsWith("*2\r\n")) return reply;
    const cursorEnd = replyEnd(reply, 4);
    return [reply.slice(0, cursorEnd), elementsOf(reply.slice(cursorEnd), pairs ? 2 : 1)];
  };
}

function elementsOf(reply: string, together: number): string[] {
  if (!"*~%>".includes(reply[0] as string)) return [reply];
  const headerEnd = reply.indexOf("\r\n") + 2;
  const items: string[] = [];
  for (let at = headerEnd; at < reply.length; ) {
    let end = at;
    for (let i = 0; i < together; i++) end = replyEnd(reply, end);
    items.push(reply.slice(at, end));
    at = end;
  }
  return [reply.slice(0, headerEnd), ...items.sort()];
}
