/** maxmemory-clients: who is disconnected, and who is not. */
import { afterEach, expect, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { encodeCommand, RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

let server: StubServer;
let control: RespClient;
let sockets: RawSocket[] = [];

afterEach(() => {
  control.close();
  for (const socket of sockets) socket.close();
  sockets = [];
  server.stop();
});

async function start(config: Record<string, string>): Promise<void> {
  server = new StubServer(config);
  control = await RespClient.connect(server.port);
  await control.command("CLIENT", "NO-EVICT", "ON");
}

/** A client of this name. */
async function connect(name: string): Promise<RawSocket> {
  const socket = await RawSocket.connect(server.port);
  sockets.push(socket);
  socket.send(encodeCommand(["CLIENT", "SETNAME", name]));
  expect(await socket.until(({ received }) => received === "+OK\r\n")).toBe(true);
  return socket;
}

/** Sends `bytes` of a request that does not end. */
function begin(socket: RawSocket, bytes: number): void {
  socket.send(`*2\r\n$3\r\nGET\r\n$100000000\r\n${"v".repeat(bytes)}`);
}

/** The field of the client of this name in CLIENT LIST; NaN when there is none. */
async function field(name: string, of: string): Promise<number> {
  const reply = await control.command("CLIENT", "LIST");
  const list =
    typeof reply === "object" && reply !== null && "verbatim" in reply ? String(reply["verbatim"]) : String(reply);
  const line = list.split("\n").find((line) => line.includes(` name=${name} `)) ?? "";
  return Number(new RegExp(` ${of}=(\\d+)`).exec(line)?.[1] ?? Number.NaN);
}

async function received(name: string, bytes: number): Promise<void> {
  while ((await field(name, "qbuf")) < bytes) await Bun.sleep(5);
}

test("the one with the largest unfinished request goes, until the others are below the limit", async () => {
  await start({ "maxmemory-clients": "3mb" });
  const [small, middle, large] = [await connect("small"), await connect("middle"), await connect("large")];
  begin(small, 100_000);
  begin(middle, 600_000);
  await received("small", 100_000);
  await received("middle", 600_000);
  begin(large, 4_000_000);
  expect(await large.until(({ closed }) => closed)).toBe(true);
  expect(server.stats.evictedClients).toBe(1);
  expect(await field("large", "tot-mem")).toBeNaN();
  expect([small.closed, middle.closed]).toEqual([false, false]);
  expect(await field("middle", "tot-mem")).toBeGreaterThanOrEqual(600_000);
  expect(server.logged.filter((line) => /notice Evicting client: id=\d+ .* name=large /.test(line)).length).toBe(1);
  // Less is allowed: CONFIG SET is enough.
  expect(await control.command("CONFIG", "SET", "maxmemory-clients", "400kb")).toBe("+OK");
  expect(await middle.until(({ closed }) => closed)).toBe(true);
  small.send("");
  expect(await field("small", "qbuf")).toBeGreaterThanOrEqual(100_000);
  expect(server.stats.evictedClients).toBe(2);
});

test("CLIENT NO-EVICT spares a client, which then does not count; OFF takes that back", async () => {
  await start({ "maxmemory-clients": "2mb" });
  const [spared, other] = [await connect("spared"), await connect("other")];
  spared.send(encodeCommand(["CLIENT", "NO-EVICT", "ON"]));
  begin(spared, 3_000_000);
  await received("spared", 3_000_000);
  begin(other, 500_000);
  await received("other", 500_000);
  expect([spared.closed, other.closed, server.stats.evictedClients]).toEqual([false, false, 0]);
  expect(await field("spared", "tot-mem")).toBeGreaterThan(2 ** 21);
  await control.command("CLIENT", "NO-EVICT", "OFF");
  begin(other, 3_000_000);
  expect(await other.until(({ closed }) => closed)).toBe(true);
  expect([spared.closed, server.stats.evictedClients]).toEqual([false, 1]);
  expect(await control.command("PING")).toBe("+PONG");
});

test("output that is not read counts", async () => {
  await start({ "maxmemory-clients": "6mb" });
  await control.command("SET", "big", "x".repeat(400_000));
  const readers = [];
  for (let i = 0; i < 12; i++) readers.push(await connect(`reader${i}`));
  for (const reader of readers) {
    reader.pause();
    reader.send(encodeCommand(["GET", "big"]).repeat(30));
  }
  while (server.stats.evictedClients === 0) await Bun.sleep(5);
  let bytes = 0;
  for (const { connection, noEvict } of server.clients.byId.values()) if (!noEvict) bytes += connection.memoryBytes;
  expect(bytes).toBeLessThanOrEqual(6 * 2 ** 20);
  expect(server.clients.byId.size).toBe(13 - server.stats.evictedClients);
  // Those that are left read all of it.
  for (const reader of readers) reader.resume();
  let whole = 0;
  for (const reader of readers) {
    await reader.until(({ closed, received }) => closed || received.length === 5 + 30 * 400_011);
    if (!reader.closed) whole++;
  }
  expect(whole).toBe(12 - server.stats.evictedClients);
  for (const client of server.clients.byId.values()) expect(client.connection.memoryBytes).toBeLessThan(1000);
});

test("a share of maxmemory; of none there is no limit", async () => {
  await start({ "maxmemory-clients": "10%" });
  const one = await connect("one");
  begin(one, 3_000_000);
  await received("one", 3_000_000);
  expect(one.closed).toBe(false);
  expect(await control.command("CONFIG", "SET", "maxmemory", "20mb")).toBe("+OK");
  expect(await one.until(({ closed }) => closed)).toBe(true);
  expect(server.stats.evictedClients).toBe(1);
  expect(await control.command("CONFIG", "SET", "maxmemory-clients", "0")).toBe("+OK");
  const two = await connect("two");
  begin(two, 3_000_000);
  await received("two", 3_000_000);
  server.dispatcher.tick(Date.now());
  expect([two.closed, server.stats.evictedClients]).toEqual([false, 1]);
});
