/** A layer that was replaced is closed when nobody reads it, and what clients have not read yet comes whole all the same. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";
import type { Context, Handler } from "../commands/context.ts";
import type { Command } from "../commands/table.ts";
import { retireLayer } from "./retire.ts";

const BYTES = 32 * 2 ** 20;
const MARK = 0x62;

/** What stands for a mapping: closed, its bytes are others. */
class FakeLayer {
  readonly windows = [new Uint8Array(BYTES).fill(MARK)];
  closed = false;

  close(): void {
    this.closed = true;
    this.windows[0]?.fill(0x21);
  }
}

let layer: FakeLayer;
let released: boolean;
let server: StubServer;
let sockets: RawSocket[];

function row(name: string, handler: Handler): Command {
  return {
    name,
    arity: 1,
    flags: ["readonly"],
    categories: [],
    since: "1.0.0",
    group: "generic",
    complexity: "O(1)",
    summary: "Only in tests.",
    handler,
  };
}

function replyAll(c: Context): void {
  c.reply.bulk(layer.windows[0] as Uint8Array, 0, BYTES, true);
}

const ROWS: readonly Command[] = [
  row("whole", replyAll),
  // Reads until it is told to end, then answers what it sees.
  row("hold", function* (c) {
    while (!released) yield;
    c.reply.integer((layer.windows[0] as Uint8Array)[0] as number);
  }),
  // Has answered, then waits for an event.
  row("sleep", function* (c) {
    c.reply.array(2);
    replyAll(c);
    c.client.wakeAtMs = Number.POSITIVE_INFINITY;
    while (!released) yield;
    c.client.wakeAtMs = 0;
    c.reply.integer(1);
  }),
  // Answers more than a client that does not read takes.
  row("flood", function* (c) {
    c.reply.array(64);
    for (let i = 0; i < 64; i++) {
      c.reply.bulk(layer.windows[0] as Uint8Array, 0, 2 ** 20);
      yield;
    }
  }),
];

beforeEach(() => {
  layer = new FakeLayer();
  released = false;
  server = new StubServer({}, ROWS);
  sockets = [];
});

afterEach(() => {
  released = true;
  for (const socket of sockets) socket.close();
  server.stop();
});

async function connect(): Promise<RawSocket> {
  const socket = await RawSocket.connect(server.port);
  sockets.push(socket);
  return socket;
}

async function send(command: string): Promise<RawSocket> {
  const socket = await connect();
  socket.send(encodeCommand([command]));
  return socket;
}

async function until(done: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !done() && Date.now() < deadline; ) await Bun.sleep(5);
  expect(done()).toBe(true);
}

function retire(patienceMs?: number): Promise<void> {
  return retireLayer(layer, { pins: server.keyspace.pins, clients: server.clients }, patienceMs);
}

const pending = () => [...server.clients.byId.values()].some(({ connection }) => connection.refersTo(layer.windows));

test("nobody reads it: closed at once", async () => {
  await retire();
  expect(layer.closed).toBe(true);
});

test("a command in slices that was under way sees it to its end; one that came later holds nothing up", async () => {
  const before = await send("hold");
  await until(() => server.keyspace.pins.count === 1);
  const closing = retire();
  const other = await connect();
  other.send(encodeCommand(["PING"]));
  expect(await other.until(({ received }) => received === "+PONG\r\n")).toBe(true);
  await Bun.sleep(50);
  expect(layer.closed).toBe(false);
  expect(server.keyspace.pins.waiters).toBe(1);
  released = true;
  await closing;
  expect(await before.until(({ received }) => received === `:${MARK}\r\n`)).toBe(true);
  expect(server.keyspace.pins).toMatchObject({ count: 0, waiters: 0 });
});

test("a client that goes lets go", async () => {
  const gone = await send("hold");
  await until(() => server.keyspace.pins.count === 1);
  const closing = retire();
  gone.close();
  await closing;
  expect(layer.closed).toBe(true);
});

test("output that waits is waited for", async () => {
  const slow = await connect();
  slow.pause();
  slow.send(encodeCommand(["whole"]));
  await until(pending);
  const closing = retire();
  await Bun.sleep(50);
  expect(layer.closed).toBe(false);
  slow.resume();
  await closing;
  await expectWhole(slow);
});

test("output that waits for too long is copied", async () => {
  const slow = await connect();
  slow.pause();
  slow.send(encodeCommand(["whole"]));
  await until(pending);
  await retire(0);
  expect(layer.closed).toBe(true);
  expect(pending()).toBe(false);
  slow.resume();
  await expectWhole(slow);
});

test("a command that waits for an event holds nothing, and its reply is whole", async () => {
  const blocked = await send("sleep");
  await until(() => [...server.clients.byId.values()].some(({ wake }) => wake !== null));
  expect(server.keyspace.pins.count).toBe(0);
  await retire();
  expect(layer.closed).toBe(true);
  released = true;
  for (const client of server.clients.byId.values()) {
    client.wakeAtMs = 0;
    client.wake?.();
  }
  expect(await blocked.until(({ received }) => received.endsWith(":1\r\n"))).toBe(true);
  const start = `*2\r\n$${BYTES}\r\n`.length;
  expect(blocked.received.charCodeAt(start)).toBe(MARK);
  expect(blocked.received.charCodeAt(start + BYTES - 1)).toBe(MARK);
});

test("a command whose client does not read ends all the same when too much waits for it", async () => {
  const slow = await connect();
  slow.pause();
  slow.send(encodeCommand(["flood"]));
  const { pins } = server.keyspace;
  await until(() => [...server.clients.byId.values()].some(({ connection }) => connection.pendingBytes > 2 ** 20));
  server.dispatcher.tick(Date.now());
  await Bun.sleep(20);
  expect(pins.count).toBe(1);
  pins.waitingBytes = 2 ** 30;
  server.dispatcher.tick(Date.now());
  await until(() => pins.count === 0);
  pins.waitingBytes = 0;
  slow.resume();
  expect(await slow.until(({ received }) => received.length === "*64\r\n".length + 64 * (2 ** 20 + 12))).toBe(true);
});

async function expectWhole(socket: RawSocket): Promise<void> {
  const start = `$${BYTES}\r\n`.length;
  expect(await socket.until(({ received }) => received.length === start + BYTES + 2)).toBe(true);
  let others = 0;
  for (let i = start; i < start + BYTES; i++) if (socket.received.charCodeAt(i) !== MARK) others++;
  expect(others).toBe(0);
}
