import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { RawSocket } from "../../test/support/raw-socket.ts";
import { RespClient } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

let server: StubServer;
let client: RespClient;
beforeEach(async () => {
  server = new StubServer();
  client = await RespClient.connect(server.port);
});
afterEach(() => server.stop());

async function clientGone(): Promise<void> {
  for (let i = 0; i < 200 && server.clients.count > 1; i++) await Bun.sleep(10);
  expect(server.clients.count).toBe(1);
}

test("names, library, numbers", async () => {
  expect(await client.command("CLIENT", "GETNAME")).toBeNull();
  expect(await client.command("CLIENT", "SETNAME", "me")).toBe("+OK");
  expect(await client.command("CLIENT", "GETNAME")).toBe("me");
  expect(await client.command("CLIENT", "SETNAME", "a b")).toBe(
    "-ERR Client names cannot contain spaces, newlines or special characters.",
  );
  expect(await client.command("CLIENT", "SETINFO", "lib-name", "test")).toBe("+OK");
  expect(await client.command("CLIENT", "SETINFO", "LIB-VER", "1.2")).toBe("+OK");
  expect(await client.command("CLIENT", "SETINFO", "x", "1.2")).toBe("-ERR Unrecognized option 'x'");
  expect(await client.command("CLIENT", "ID")).toBe(1);
  const line = (await client.command("CLIENT", "INFO")) as string;
  expect(line).toMatch(/^id=1 addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=me age=0 idle=0 flags=N db=0 /);
  expect(line).toEndWith(" cmd=client|info user=default redir=-1 resp=2 lib-name=test lib-ver=1.2\n");
});

test("the request that asks counts as received, those of others are done", async () => {
  const other = await RespClient.connect(server.port);
  await other.command("PING");
  const received = (text: unknown) => [...(text as string).matchAll(/ qbuf=(\d+) /g)].map(([, bytes]) => Number(bytes));
  expect(received(await client.command("CLIENT", "INFO"))).toEqual(["*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n".length]);
  expect(received(await client.command("CLIENT", "LIST"))).toEqual([26, 0]);
});

test("LIST filters", async () => {
  const other = await RespClient.connect(server.port);
  await other.command("PING");
  const lines = async (...words: string[]) =>
    ((await client.command("CLIENT", "LIST", ...words)) as string).split("\n").length - 1;
  expect(await lines()).toBe(2);
  expect(await lines("TYPE", "normal")).toBe(2);
  expect(await lines("TYPE", "pubsub")).toBe(0);
  expect(await lines("ID", "2", "77")).toBe(1);
  expect(await client.command("CLIENT", "LIST", "TYPE", "x")).toBe("-ERR Unknown client type 'x'");
  expect(await client.command("CLIENT", "LIST", "ID", "x")).toBe("-ERR Invalid client ID");
  expect(await client.command("CLIENT", "LIST", "x")).toBe("-ERR syntax error");
});

test("KILL by each filter", async () => {
  const filters: ((line: string) => string[])[] = [
    () => ["ID", "2"],
    (line) => ["ADDR", /addr=(\S+)/.exec(line)?.[1] as string],
    () => ["TYPE", "normal"],
    () => ["USER", "default", "SKIPME", "yes"],
    (line) => ["LADDR", / laddr=(\S+)/.exec(line)?.[1] as string],
  ];
  let id = 2;
  for (const filter of filters) {
    const other = await RawSocket.connect(server.port);
    other.send("PING\r\n");
    await other.until((one) => one.received.length > 0);
    const line = (await client.command("CLIENT", "LIST", "ID", String(id))) as string;
    const words = filter(line).map((word) => (word === "2" ? String(id) : word));
    expect(await client.command("CLIENT", "KILL", ...words)).toBe(1);
    expect(await other.until((one) => one.closed)).toBe(true);
    await clientGone();
    id++;
  }
  expect(await client.command("CLIENT", "KILL", "127.0.0.1:1")).toBe("-ERR No such client");
  expect(await client.command("CLIENT", "KILL", "ID", "0")).toBe("-ERR client-id should be greater than 0");
  expect(await client.command("CLIENT", "KILL", "USER", "x")).toBe("-ERR No such user 'x'");
  expect(await client.command("CLIENT", "KILL", "ID")).toBe("-ERR No such client");
  expect(await client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME")).toBe("-ERR syntax error");
});

test("killing oneself answers first", async () => {
  const other = await RawSocket.connect(server.port);
  other.send("CLIENT KILL ID 2 SKIPME no\r\nPING\r\n");
  expect(await other.until((one) => one.closed)).toBe(true);
  expect(other.received).toBe(":1\r\n");
});

test("REPLY OFF and SKIP", async () => {
  const other = await RawSocket.connect(server.port);
  other.send(
    "CLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\nCLIENT REPLY OFF\r\nPING 3\r\nnope\r\nCLIENT REPLY ON\r\nPING 4\r\n",
  );
  expect(await other.until((one) => one.received.endsWith("$1\r\n4\r\n"))).toBe(true);
  expect(other.received).toBe("$1\r\n2\r\n+OK\r\n$1\r\n4\r\n");
  other.close();
});

test("PAUSE holds commands back until it ends", async () => {
  const other = await RawSocket.connect(server.port);
  expect(await client.command("CLIENT", "PAUSE", "100", "ALL")).toBe("+OK");
  other.send("PING 1\r\nPING 2\r\n");
  await Bun.sleep(30);
  expect(other.received).toBe("");
  expect(await other.until((one) => one.received === "$1\r\n1\r\n$1\r\n2\r\n")).toBe(true);
  expect(await client.command("CLIENT", "PAUSE", "60000", "WRITE")).toBe("+OK");
  other.send("PING 3\r\nSET a b\r\n");
  expect(await other.until((one) => one.received.endsWith("3\r\n"))).toBe(true);
  await Bun.sleep(20);
  expect(other.received).toEndWith("3\r\n");
  const held = () => [...server.clients.byId.values()].filter(({ postponed }) => postponed).length;
  expect(held()).toBe(1);
  expect(await client.command("CLIENT", "UNPAUSE")).toBe("+OK");
  expect(await other.until((one) => one.received.includes("+OK"))).toBe(true);
  expect(held()).toBe(0);
  other.close();
});

test("a PAUSE longer than a timer can wait sets no timer that ends at once", async () => {
  const other = await RawSocket.connect(server.port);
  expect(await client.command("CLIENT", "PAUSE", "99999999999", "WRITE")).toBe("+OK");
  const timers = spyOn(globalThis, "setTimeout");
  other.send("SET a b\r\n");
  while (![...server.clients.byId.values()].some((one) => one.parked)) await Bun.sleep(1);
  expect(Math.max(...timers.mock.calls.map(([, ms]) => ms ?? 0))).toBe(2 ** 31 - 1);
  timers.mockRestore();
  expect(await client.command("CLIENT", "UNPAUSE")).toBe("+OK");
  expect(await other.until((one) => one.received.includes("+OK"))).toBe(true);
  other.close();
});

test("tracking is answered as being off", async () => {
  expect(await client.command("CLIENT", "GETREDIR")).toBe(-1);
  expect(await client.command("CLIENT", "TRACKING", "OFF")).toBe("+OK");
  expect(await client.command("CLIENT", "TRACKINGINFO")).toEqual(["flags", ["off"], "redirect", -1, "prefixes", []]);
  expect(await client.command("CLIENT", "CACHING", "yes")).toStartWith("-ERR CLIENT CACHING can be called only");
});

test("HELLO changes the protocol, RESET changes it back", async () => {
  const hello = (await client.command("HELLO", "3", "SETNAME", "three")) as { map: unknown[] };
  expect(hello.map.slice(0, 6)).toEqual(["server", "redis", "version", "7.2.0", "proto", 3]);
  expect(await client.command("GET", "absent")).toBeNull();
  expect(await client.command("CLIENT", "INFO")).toHaveProperty("verbatim");
  expect(await client.command("HELLO", "4")).toBe("-NOPROTO unsupported protocol version");
  expect(await client.command("HELLO", "x")).toBe("-ERR Protocol version is not an integer or out of range");
  expect(await client.command("HELLO", "3", "FOO")).toBe("-ERR Syntax error in HELLO option 'FOO'");
  expect(await client.command("RESET")).toBe("+RESET");
  expect(await client.command("CLIENT", "GETNAME")).toBeNull();
  expect(await client.command("CLIENT", "INFO")).toContain("resp=2");
});

test("SELECT", async () => {
  expect(await client.command("SELECT", "15")).toBe("+OK");
  expect(await client.command("SELECT", "16")).toBe("-ERR DB index is out of range");
  expect(await client.command("SELECT", "x")).toBe("-ERR value is not an integer or out of range");
  expect(await client.command("CLIENT", "INFO")).toContain("db=15 ");
});

test("every container has HELP", async () => {
  for (const entry of server.dispatcher.table.entries) {
    if (entry.subcommands === null) continue;
    const help = (await client.command(entry.fullName, "HELP")) as string[];
    expect(help[0]).toBe(`+${entry.fullName.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
    expect(help.length).toBe(1 + 2 * entry.subcommands.entries.length);
  }
});

test("the slow log", async () => {
  server.stop();
  server = new StubServer({ "slowlog-log-slower-than": "0" });
  client = await RespClient.connect(server.port);
  await client.command("PING", "x".repeat(200));
  expect(await client.command("SLOWLOG", "LEN")).toBe(1);
  const [, entry] = (await client.command("SLOWLOG", "GET")) as unknown[][];
  expect(entry?.slice(3)).toEqual([["PING", `${"x".repeat(128)}... (72 more bytes)`], expect.any(String), ""]);
  expect(await client.command("SLOWLOG", "RESET")).toBe("+OK");
});
