/** Folio and redis-server as processes, each with a connection for commands and one for questions; replies as raw bytes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, spawnFolio, spawnRedis } from "../../support/processes.ts";
import { RawSocket } from "../../support/raw-socket.ts";
import { replyEnd } from "../../support/redis-server.ts";
import { encodeCommand } from "../../support/resp-client.ts";

const REPLIES_MS_MAX = 20_000;
/** A process that has crashed may still be printing why. */
const DYING_MS = 200;
const END = encodeCommand(["ECHO", "end of replies"]);
const END_REPLY = "$14\r\nend of replies\r\n";

export class NoReply extends Error {}

export class Lane {
  readonly #socket: RawSocket;

  private constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<Lane> {
    return new Lane(await RawSocket.connect(port));
  }

  /** The replies to the requests, sent in one go. Throws NoReply when the server is gone or does not answer. */
  async ask(requests: readonly (readonly string[])[]): Promise<string[]> {
    this.send(requests.map(encodeCommand).join("") + END);
    if (!(await this.#socket.until((it) => it.received.endsWith(END_REPLY), REPLIES_MS_MAX))) {
      throw new NoReply(this.#socket.closed ? "the server closed the connection" : "no reply in time");
    }
    const raw = this.#socket.received.slice(0, -END_REPLY.length);
    this.#socket.received = "";
    const replies: string[] = [];
    for (let at = 0; at < raw.length; ) {
      const end = replyEnd(raw, at);
      if (end < 0) throw new NoReply(`not RESP: ${JSON.stringify(raw.slice(at, at + 80))}`);
      replies.push(raw.slice(at, end));
      at = end;
    }
    if (replies.length !== requests.length)
      throw new NoReply(`${replies.length} replies to ${requests.length} requests`);
    return replies;
  }

  send(bytes: string): void {
    this.#socket.send(bytes);
  }

  get hasReply(): boolean {
    return replyEnd(this.#socket.received, 0) > 0;
  }

  /** The one reply that is waited for. */
  async reply(): Promise<string> {
    if (!(await this.#socket.until(() => this.hasReply, REPLIES_MS_MAX))) throw new NoReply("no reply in time");
    return this.#socket.received;
  }

  close(): void {
    this.#socket.close();
  }
}

export class Server {
  readonly process: ServerProcess;
  readonly commands: Lane;
  readonly questions: Lane;

  private constructor(process: ServerProcess, commands: Lane, questions: Lane) {
    this.process = process;
    this.commands = commands;
    this.questions = questions;
  }

  static async of(starting: ServerProcess): Promise<Server> {
    const { port } = await starting.ready();
    return new Server(starting, await Lane.connect(port), await Lane.connect(port));
  }

  async info(section: string, field: string): Promise<number> {
    const [text = ""] = await this.questions.ask([["INFO", section]]);
    return Number(new RegExp(`${field}:(\\d+)`).exec(text)?.[1]);
  }

  async stop(): Promise<void> {
    this.commands.close();
    this.questions.close();
    await this.process.stop("SIGKILL");
  }
}

export class Servers {
  readonly redis: Server;
  folio: Server;
  readonly #folder: string;

  private constructor(redis: Server, folio: Server, folder: string) {
    this.redis = redis;
    this.folio = folio;
    this.#folder = folder;
  }

  static async start(): Promise<Servers> {
    const folder = mkdtempSync(join(tmpdir(), "folio-write-fuzz-"));
    const redis = spawnRedis(["--dir", folder, "--dbfilename", "redis.rdb"], { env: { LC_ALL: "C" } });
    const servers = new Servers(await Server.of(redis), await Servers.#folio(folder), folder);
    return servers;
  }

  static #folio(folder: string): Promise<Server> {
    const args = ["--dir", folder, "--dbfilename", "folio.rdb", "--save", "", "--enable-debug-command", "yes"];
    return Server.of(spawnFolio(args));
  }

  get both(): readonly [Server, Server] {
    return [this.folio, this.redis];
  }

  /** Folio anew after it has died or hangs; what it printed last. */
  async revive(): Promise<string> {
    const dying = this.folio.process;
    await Bun.sleep(DYING_MS);
    const { exitCode, signalCode } = dying.child;
    await this.folio.stop();
    rmSync(join(this.#folder, "folio.rdb"), { force: true });
    this.folio = await Servers.#folio(this.#folder);
    return `${dying.output.slice(-2000)}\n(exit ${exitCode}, ${signalCode})`;
  }

  async stop(): Promise<void> {
    await this.folio.stop();
    await this.redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
