/** XREAD BLOCK through real sockets: its client waits, others do not, and the wait ends in every way it can. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { RespClient, type RespValue } from "../../test/support/resp-client.ts";
import { StubServer } from "../../test/support/stub-server.ts";

describe("XREAD BLOCK", () => {
  let server: StubServer;
  let waiting: RespClient;
  let other: RespClient;

  beforeEach(async () => {
    server = new StubServer();
    waiting = await RespClient.connect(server.port);
    other = await RespClient.connect(server.port);
  });
  afterEach(() => {
    waiting.close();
    other.close();
    server.stop();
  });

  const block = (ms: string): Promise<RespValue> => waiting.command("XREAD", "BLOCK", ms, "STREAMS", "s", "$");

  /** The id of the waiting client, once it waits. */
  const blockedId = async (): Promise<string> => {
    for (;;) {
      for (const client of server.clients.byId.values()) if (client.wake !== null) return `${client.id}`;
      await Bun.sleep(1);
    }
  };

  test("answers nil when its time is up; others are served meanwhile", async () => {
    const begun = performance.now();
    const reply = block("60");
    const id = await blockedId();
    expect(await other.command("PING")).toBe("+PONG");
    expect(String(await other.command("CLIENT", "LIST", "ID", id))).toContain(" flags=b ");
    expect(await reply).toBeNull();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(59);
    expect(await waiting.command("PING")).toBe("+PONG");
  });

  test("requests behind it wait for it, in order", async () => {
    expect(
      await waiting.pipeline([
        ["XREAD", "BLOCK", "20", "STREAMS", "s", "0"],
        ["ECHO", "after"],
      ]),
    ).toEqual([null, "after"]);
  });

  test("CLIENT UNBLOCK ends the wait as its time would, or with an error", async () => {
    const reply = block("0");
    expect(await other.command("CLIENT", "UNBLOCK", await blockedId())).toBe(1);
    expect(await reply).toBeNull();
    const failing = block("0");
    expect(await other.command("CLIENT", "UNBLOCK", await blockedId(), "ERROR")).toBe(1);
    expect(await failing).toBe("-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    expect(await other.command("CLIENT", "UNBLOCK", "1")).toBe(0);
    expect(await other.command("CLIENT", "UNBLOCK", "4711")).toBe(0);
  });

  test("a client that leaves, or is killed, leaves nothing behind", async () => {
    const gone = block("0").catch((error: Error) => error.message);
    const id = await blockedId();
    expect(await other.command("CLIENT", "KILL", "ID", id)).toBe(1);
    expect(await gone).toBe("the server closed the connection");
    expect(server.dispatcher.slicedCommands).toBe(0);
    expect(server.clients.count).toBe(1);
  });

  test("an entry behind others ends the wait, however it is added", async () => {
    const added = () => other.command("XADD", "s", "*", "field", "value");
    for (let i = 0; i < 3; i++) await added();
    for (const words of [[], ["MAXLEN", "~", "100"], ["NOMKSTREAM"]]) {
      const reply = block("0");
      await blockedId();
      const id = await other.command("XADD", "s", ...words, "*", "field", "value");
      expect(await reply).toEqual([["s", [[id, ["field", "value"]]]]]);
    }
    expect(await other.command("XLEN", "s")).toBe(6);
  });

  test("a waiting command costs no turns of the event loop", async () => {
    const reply = block("200");
    await blockedId();
    const client = [...server.clients.byId.values()].find((candidate) => candidate.wake !== null);
    const { wake } = client as { wake: unknown };
    await Bun.sleep(50);
    // Each turn would have set another one.
    expect(client?.wake).toBe(wake as () => void);
    expect(await reply).toBeNull();
  });
});
