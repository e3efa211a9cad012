/**
 * A raw RESP client for tests and benches: it shows replies as they are on the wire, which real clients hide.
 * Bytes are binary strings (latin1). Not for production: it keeps replies as JavaScript values.
 */
import type { Socket } from "bun";

/** A reply as sent. Errors and simple strings keep their first byte, so that they never equal a bulk string. */
export type RespValue = string | number | bigint | null | boolean | RespValue[] | { [type: string]: RespValue };

class Incomplete extends Error {}

export class RespReader {
  #text = "";
  #at = 0;

  push(chunk: string): void {
    this.#text = this.#text.slice(this.#at) + chunk;
    this.#at = 0;
  }

  /** The next whole reply, or undefined when more bytes are needed. */
  next(): RespValue | undefined {
    const start = this.#at;
    try {
      return this.#value();
    } catch (error) {
      if (!(error instanceof Incomplete)) throw error;
      this.#at = start;
      return undefined;
    }
  }

  #line(): string {
    const end = this.#text.indexOf("\r\n", this.#at);
    if (end < 0) throw new Incomplete();
    const line = this.#text.slice(this.#at, end);
    this.#at = end + 2;
    return line;
  }

  #bulk(length: number): string {
    if (this.#text.length < this.#at + length + 2) throw new Incomplete();
    const bulk = this.#text.slice(this.#at, this.#at + length);
    this.#at += length + 2;
    return bulk;
  }

  #many(count: number): RespValue[] {
    const values: RespValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#value());
    return values;
  }

  #value(): RespValue {
    const line = this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
      case "-":
        return line;
      case ":":
        return Number.isSafeInteger(Number(rest)) ? Number(rest) : BigInt(rest);
      case "$":
        return rest === "-1" ? null : this.#bulk(Number(rest));
      case "*":
        return rest === "-1" ? null : this.#many(Number(rest));
      case "_":
        return null;
      case "#":
        return rest === "t";
      case ",":
        return { double: rest };
      case "(":
        return { big: rest };
      case "=":
        return { verbatim: this.#bulk(Number(rest)) };
      case "%":
        return { map: this.#many(Number(rest) * 2) };
      case "~":
        return { set: this.#many(Number(rest)) };
      case ">":
        return { push: this.#many(Number(rest)) };
      default:
        throw new Error(`not RESP: ${JSON.stringify(line.slice(0, 60))}`);
    }
  }
}

/** The first reply in raw bytes. Throws when it is not there as a whole. */
export function parsedReply(raw: string): RespValue {
  const reader = new RespReader();
  reader.push(raw);
  const value = reader.next();
  if (value === undefined) throw new Error(`no whole reply: ${JSON.stringify(raw.slice(0, 60))}`);
  return value;
}

/** A command in RESP, from binary strings. */
export function encodeCommand(args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}

export class RespClient {
  readonly #socket: Socket<undefined>;
  readonly #reader = new RespReader();
  readonly #waiting: { resolve: (value: RespValue) => void; reject: (error: Error) => void }[] = [];
  #unsent = Buffer.alloc(0);
  #closed: Error | null = null;

  private constructor(socket: Socket<undefined>) {
    this.#socket = socket;
  }

  /** Connects to a port of the loopback, or to a unix socket's path. Rejects when nobody listens. */
  static connect(to: number | string): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      let client: RespClient | null = null;
      const socket = {
        open(opened: Socket<undefined>) {
          client = new RespClient(opened);
          resolve(client);
        },
        data: (_: Socket<undefined>, chunk: Buffer) => client!.#received(chunk),
        drain: () => client!.#flush(),
        close: () => client!.#end(new Error("the server closed the connection")),
        error: (_: Socket<undefined>, error: Error) => client!.#end(error),
        connectError: (_: Socket<undefined>, error: Error) => reject(error),
      };
      const connecting =
        typeof to === "number"
          ? Bun.connect<undefined>({ hostname: "127.0.0.1", port: to, socket })
          : Bun.connect<undefined>({ unix: to, socket });
      connecting.catch(reject);
    });
  }

  #received(chunk: Buffer): void {
    this.#reader.push(chunk.toString("latin1"));
    while (this.#waiting.length > 0) {
      const value = this.#reader.next();
      if (value === undefined) return;
      this.#waiting.shift()!.resolve(value);
    }
  }

  #end(error: Error): void {
    this.#closed = error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = this.#unsent.subarray(Math.max(0, sent));
  }

  /** Sends bytes as they are and waits for `replies` replies. */
  async raw(bytes: string, replies = 1): Promise<RespValue[]> {
    if (this.#closed) throw this.#closed;
    const all = Array.from(
      { length: replies },
      () => new Promise<RespValue>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    this.#unsent = Buffer.concat([this.#unsent, Buffer.from(bytes, "latin1")]);
    this.#flush();
    return await Promise.all(all);
  }

  async command(...args: string[]): Promise<RespValue> {
    return (await this.raw(encodeCommand(args)))[0]!;
  }

  /** Many commands in one write; their replies in order. */
  pipeline(commands: readonly (readonly string[])[]): Promise<RespValue[]> {
    return this.raw(commands.map(encodeCommand).join(""), commands.length);
  }

  close(): void {
    this.#socket.end();
  }
}
