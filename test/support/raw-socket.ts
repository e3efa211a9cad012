/** A socket for tests that care about bytes: sends any bytes in any pieces, collects what comes, can stop reading. */
import { createConnection, type Socket } from "node:net";

export class RawSocket {
  readonly #socket: Socket;
  /** Everything received, as a binary string. */
  received = "";
  closed = false;
  #changed: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  static connect(to: number | string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = typeof to === "number" ? createConnection(to, "127.0.0.1") : createConnection(to);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawSocket(socket));
      });
    });
  }

  send(text: string): void {
    this.#socket.write(Buffer.from(text, "latin1"));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits until `done` holds; false when it does not within the time, or never can because the server has closed. */
  async until(done: (socket: RawSocket) => boolean, timeoutMs = 10_000): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!done(this)) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 1000));
        this.#changed.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      if (this.closed) return done(this);
    }
    return true;
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = [];
    for (const wake of changed) wake();
  }
}
