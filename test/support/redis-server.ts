/**
 * A real redis-server to compare with, in a directory of its own (processes.ts starts and ends it). Replies are kept as
 * the raw bytes of the wire (binary strings), so that types and framing count too.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REDIS_SERVER, type ServerProcess, spawnRedis } from "./processes.ts";

/** False where no redis-server is installed: differential tests then skip, saying so. */
export const redisInstalled = REDIS_SERVER !== null;

export type Word = string | Uint8Array | number;

/** The request bytes of one command; strings are binary strings. */
export function encodeRequest(words: readonly Word[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = word instanceof Uint8Array ? Buffer.from(word) : Buffer.from(String(word), "latin1");
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** Where the reply that begins at `at` ends, or -1 when it is not there as a whole yet. */
export function replyEnd(text: string, at: number): number {
  const line = text.indexOf("\r\n", at);
  if (line < 0) return -1;
  const size = Number(text.slice(at + 1, line));
  const next = line + 2;
  switch (text[at]) {
    case "$":
    case "=":
    case "!":
      if (size < 0) return next;
      return next + size + 2 <= text.length ? next + size + 2 : -1;
    case "*":
    case "~":
    case ">":
    case "%":
    case "|": {
      let end = next;
      const items = (text[at] === "%" || text[at] === "|" ? 2 : 1) * size + (text[at] === "|" ? 1 : 0);
      for (let i = 0; i < items && end >= 0; i++) end = replyEnd(text, end);
      return end;
    }
    default:
      return next;
  }
}

/** One connection that sends a command at a time and hands back the reply's raw bytes as a binary string. */
export class RawConnection {
  readonly #socket: Socket;
  #received = "";
  #failure: Error | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data: Buffer) => {
      this.#received += data.toString("latin1");
      this.#wake();
    });
    const fail = (error?: Error) => {
      this.#failure = error ?? new Error("the server closed the connection");
      this.#wake();
    };
    socket.on("error", fail);
    socket.on("close", () => fail());
  }

  static connect(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => resolve(new RawConnection(socket)));
    });
  }

  async send(...words: Word[]): Promise<string> {
    this.#socket.write(encodeRequest(words));
    return this.receive();
  }

  /** Many commands in one go; their replies in order. */
  async sendAll(commands: readonly (readonly Word[])[]): Promise<string[]> {
    this.#socket.write(Buffer.concat(commands.map(encodeRequest)));
    const replies: string[] = [];
    for (let i = 0; i < commands.length; i++) replies.push(await this.receive());
    return replies;
  }

  async receive(): Promise<string> {
    for (;;) {
      const end = replyEnd(this.#received, 0);
      if (end >= 0) {
        const reply = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return reply;
      }
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

export class RedisServer {
  /** The data directory: dump.rdb lies here. Removed by stop(). */
  readonly dir: string;
  readonly connection: RawConnection;
  readonly #process: ServerProcess;
  readonly #ownsDir: boolean;

  private constructor(server: ServerProcess, dir: string, ownsDir: boolean, connection: RawConnection) {
    this.#process = server;
    this.dir = dir;
    this.#ownsDir = ownsDir;
    this.connection = connection;
  }

  /** Starts a server with redis-server's own flags; resolves when it has loaded its file. Throws when it ends before. */
  static async start(flags: readonly string[] = [], dataDir?: string): Promise<RedisServer> {
    const dir = dataDir ?? mkdtempSync(join(tmpdir(), "folio-redis-"));
    const server = await spawnRedis(["--dir", dir, "--appendonly", "no", ...flags]).ready();
    return new RedisServer(server, dir, dataDir === undefined, await RawConnection.connect(server.port));
  }

  get port(): number {
    return this.#process.port;
  }

  send(...words: Word[]): Promise<string> {
    return this.connection.send(...words);
  }

  /** Writes dump.rdb; its path. */
  async save(): Promise<string> {
    const reply = await this.send("SAVE");
    const path = join(this.dir, "dump.rdb");
    if (reply !== "+OK\r\n" || !existsSync(path)) throw new Error(`SAVE answered ${reply}`);
    return path;
  }

  async stop(): Promise<void> {
    this.connection.close();
    await this.#process.stop("SIGKILL");
    if (this.#ownsDir) rmSync(this.dir, { recursive: true, force: true });
  }
}
