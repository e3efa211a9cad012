import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../test/support/random.ts";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

const CLIENTS = 40;
const isLinux = process.platform === "linux";
let server: StubServer;
let sockets: RawSocket[] = [];

afterEach(() => {
  for (const socket of sockets) socket.close();
  sockets = [];
  server.stop();
});

async function connectAll(count: number, to: number | string): Promise<RawSocket[]> {
  sockets = await Promise.all(Array.from({ length: count }, () => RawSocket.connect(to)));
  return sockets;
}

/** Every client sends pipelines of ECHO, cut anywhere, all at once; each must get back its own words in order. */
async function exchange(clients: readonly RawSocket[], rounds: number): Promise<void> {
  const random = seededRandom("direct");
  const expected = clients.map(() => "");
  for (let round = 0; round < rounds; round++) {
    for (const [i, client] of clients.entries()) {
      let text = "";
      for (let n = 1 + Math.floor(random() * 40); n > 0; n--) {
        const word = `${i}:${round}:${n}:${"x".repeat(random() < 0.05 ? 20_000 : random() * 50)}`;
        const form = random();
        text += form < 0.1 ? `echo ${word}\r\n` : encodeCommand(["ECHO", word]);
        expected[i] += `$${word.length}\r\n${word}\r\n`;
      }
      const cut = Math.floor(random() * text.length);
      client.send(text.slice(0, cut));
      client.send(text.slice(cut));
    }
    if (random() < 0.3) await Bun.sleep(1);
  }
  for (const [i, client] of clients.entries()) {
    expect(await client.until(({ received }) => received.length >= (expected[i] as string).length)).toBe(true);
    expect(client.received === expected[i]).toBe(true);
  }
}

describe("many clients at once", () => {
  test("each gets its own replies, over TCP", async () => {
    server = new StubServer();
    await exchange(await connectAll(CLIENTS, server.port), 20);
    if (isLinux) expect(server.listener.directReceptions).toBeGreaterThan(0);
  });

  test("over a unix socket", async () => {
    const path = join(tmpdir(), `folio-direct-${process.pid}.sock`);
    server = new StubServer({}, [], path);
    await exchange(await connectAll(CLIENTS, path), 10);
    if (isLinux) expect(server.listener.directReceptions).toBeGreaterThan(0);
    rmSync(path, { force: true });
  });

  test("protocol errors, QUIT and vanished clients end themselves only", async () => {
    server = new StubServer();
    const clients = await connectAll(CLIENTS, server.port);
    const ping = encodeCommand(["PING"]);
    for (let round = 0; round < 10; round++) {
      for (const client of clients) client.send(ping.repeat(3));
    }
    const [bad, quitting, vanishing, ...rest] = clients as [RawSocket, RawSocket, RawSocket, ...RawSocket[]];
    bad.send(`${ping}*x\r\n${ping}`);
    quitting.send(`${encodeCommand(["QUIT"])}${ping}`);
    vanishing.close();
    for (const client of rest) client.send(ping);
    await Promise.all([bad, quitting].map((client) => client.until(({ closed }) => closed)));
    expect(bad.received).toBe(`${"+PONG\r\n".repeat(31)}-ERR Protocol error: invalid multibulk length\r\n`);
    expect(quitting.received).toBe(`${"+PONG\r\n".repeat(30)}+OK\r\n`);
    for (const client of rest) {
      expect(await client.until(({ received }) => received.length >= 31 * 7)).toBe(true);
      expect(client.received).toBe("+PONG\r\n".repeat(31));
    }
  });

  test("a client that does not read gets all of it later, the others at once", async () => {
    server = new StubServer();
    const clients = await connectAll(10, server.port);
    const [slow, ...others] = clients as [RawSocket, ...RawSocket[]];
    slow.pause();
    const word = "w".repeat(60_000);
    const reply = `$${word.length}\r\n${word}\r\n`;
    const count = 200;
    for (let i = 0; i < count; i++) {
      slow.send(encodeCommand(["ECHO", word]));
      for (const other of others) other.send(encodeCommand(["PING"]));
      if (i % 20 === 0) await Bun.sleep(1);
    }
    for (const other of others) {
      expect(await other.until(({ received }) => received.length >= count * 7)).toBe(true);
      expect(other.received).toBe("+PONG\r\n".repeat(count));
    }
    slow.resume();
    expect(await slow.until(({ received }) => received.length >= count * reply.length)).toBe(true);
    expect(slow.received === reply.repeat(count)).toBe(true);
  });

  test.each(["at once", "in a later turn"])(
    "a handler that breaks takes down its own client only: %s",
    async (when) => {
      server = new StubServer();
      const { dispatcher } = server;
      const execute = dispatcher.execute.bind(dispatcher);
      dispatcher.execute = (connection, args) => {
        // So long a turn lasts at most: what comes behind is for the next one.
        if (when === "in a later turn") Bun.sleepSync(1);
        if (args.is(0, "ECHO") && args.text(1) === "break") throw new Error("made to fail");
        return execute(connection, args);
      };
      const clients = await connectAll(CLIENTS, server.port);
      const ping = encodeCommand(["PING"]);
      for (let round = 0; round < 10; round++) for (const client of clients) client.send(ping);
      const [broken, ...rest] = clients as [RawSocket, ...RawSocket[]];
      broken.send(encodeCommand(["ECHO", "break"]));
      for (const client of rest) client.send(ping);
      expect(await broken.until(({ closed }) => closed)).toBe(true);
      for (const client of rest) {
        expect(await client.until(({ received }) => received.length >= 11 * 7)).toBe(true);
        expect(client.received).toBe("+PONG\r\n".repeat(11));
      }
      expect(server.logged.filter((line) => line.includes("made to fail")).length).toBe(1);
    },
  );
});
