/** A client that waits for each reply, and knows how long that took and how much CPU the server's main thread has used. */

import { readFileSync } from "node:fs";
import type { Socket } from "bun";
import type { ServerProcess } from "../../test/support/processes.ts";
import { replyEnd } from "../../test/support/redis-server.ts";
import { encodeCommand } from "../../test/support/resp-client.ts";
import { median } from "../support/table.ts";
import { type Command, isMissing } from "./data.ts";

export interface Times {
  /** Microseconds that the client waits: in the middle, at most. */
  readonly medianUs: number;
  readonly worstUs: number;
  /** Microseconds of the server's main thread per command. */
  readonly cpuUs: number;
}

export class TimedClient {
  readonly #schedstat: string;
  #socket!: Socket<undefined>;
  #reply = "";
  #done: () => void = () => {};

  private constructor(server: ServerProcess) {
    this.#schedstat = `/proc/${server.pid}/task/${server.pid}/schedstat`;
  }

  static async connect(server: ServerProcess): Promise<TimedClient> {
    const client = new TimedClient(server);
    client.#socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port: server.port,
      socket: {
        data: (_, chunk) => {
          client.#reply += chunk.toString("latin1");
          if (client.#reply.endsWith("\r\n") && replyEnd(client.#reply, 0) === client.#reply.length) client.#done();
        },
      },
    });
    return client;
  }

  async command(words: Command): Promise<string> {
    return await this.#send(Buffer.from(encodeCommand(words), "latin1"));
  }

  async #send(request: Buffer): Promise<string> {
    this.#reply = "";
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#socket.write(request);
    await done;
    return this.#reply;
  }

  #cpuUs(): number {
    return Number.parseInt(readFileSync(this.#schedstat, "latin1"), 10) / 1e3;
  }

  /** `count` commands one after the other; `make` is given the reply to the one before. Null: the server lacks the command. */
  async time(count: number, make: (i: number, reply: string) => Command): Promise<Times | null> {
    const waits: number[] = [];
    let reply = "";
    const cpuFrom = this.#cpuUs();
    for (let i = 0; i < count; i++) {
      const request = Buffer.from(encodeCommand(make(i, reply)), "latin1");
      const from = Bun.nanoseconds();
      reply = await this.#send(request);
      waits.push((Bun.nanoseconds() - from) / 1e3);
      if (isMissing(reply)) return null;
    }
    const cpuUs = (this.#cpuUs() - cpuFrom) / count;
    return { medianUs: median(waits), worstUs: Math.max(...waits), cpuUs };
  }

  close(): void {
    this.#socket.terminate();
  }
}
