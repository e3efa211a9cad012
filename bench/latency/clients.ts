/** The two clients of a latency bench: one that sends heavy commands, and one, a process of its own, that pings meanwhile. */
import { join } from "node:path";
import type { Socket } from "bun";
import { REPOSITORY, type ServerProcess } from "../../test/support/processes.ts";
import type { Gaps } from "./pinger.ts";

/** A higher priority, where that is allowed: the wait for the server counts, not the wait for a core. */
export function priority(value: number): string[] {
  return process.getuid?.() === 0 ? ["nice", "-n", `-${value}`] : [];
}

/** Client A: sends requests, throws the replies away, and knows by an ECHO behind them when the last has come. */
export class Sink {
  #done: (() => void) | null = null;
  #marker = "";
  #tail = "";
  #unsent: Buffer = Buffer.alloc(0);
  #socket!: Socket<undefined>;

  static async connect(port: number): Promise<Sink> {
    const sink = new Sink();
    sink.#socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: { data: (_, chunk) => sink.#received(chunk), drain: () => sink.#send() },
    });
    return sink;
  }

  async run(requests: string, nonce: number): Promise<void> {
    this.#marker = `<<end of ${nonce}>>\r\n`;
    this.#unsent = Buffer.from(`${requests}ECHO "${this.#marker.trim()}"\r\n`, "latin1");
    this.#send();
    await new Promise<void>((resolve) => (this.#done = resolve));
  }

  #send(): void {
    if (this.#unsent.length === 0) return;
    this.#unsent = this.#unsent.subarray(Math.max(0, this.#socket.write(this.#unsent)));
  }

  #received(chunk: Buffer): void {
    this.#tail = this.#tail.slice(-64) + chunk.subarray(-64).toString("latin1");
    if (this.#tail.endsWith(this.#marker)) this.#done?.();
  }

  close(): void {
    this.#socket.terminate();
  }
}

export class Pinger {
  #answer: (message: unknown) => void = () => {};
  readonly #child: Bun.Subprocess;

  private constructor({ port, pid }: ServerProcess) {
    this.#child = Bun.spawn(
      [...priority(15), process.execPath, join(import.meta.dir, "pinger.ts"), `${port}`, `${pid}`],
      {
        cwd: REPOSITORY,
        stderr: "inherit",
        ipc: (message) => this.#answer(message),
      },
    );
  }

  static async start(server: ServerProcess): Promise<Pinger> {
    const pinger = new Pinger(server);
    await new Promise((resolve) => (pinger.#answer = resolve));
    return pinger;
  }

  /** The round trips while `work` goes on. */
  async during(work: Promise<void>): Promise<Gaps> {
    this.#child.send("start");
    await work;
    const answer = new Promise<unknown>((resolve) => (this.#answer = resolve));
    this.#child.send("stop");
    return (await answer) as Gaps;
  }

  end(): void {
    this.#child.kill();
  }
}
