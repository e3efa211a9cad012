/**
 * bench/request: what a pipelined GET costs inside the server, without the kernel: batches of requests go into a real
 * Connection over a real Layer, the socket swallows what is written. Nanoseconds per request, the best of some rounds,
 * for random keys of small and large files; the part that finding the key takes stands beside it.
 *
 *   npm run bench:request [-- --keys 100000,1000000 --batch 16]
 */
import { parseArgs } from "node:util";
import type { Socket } from "bun";
import { parseArguments } from "../../src/cli/argv.ts";
import { configure } from "../../src/cli/configure.ts";
import type { Client } from "../../src/commands/client.ts";
import { commandService } from "../../src/commands/service.ts";
import { Connection } from "../../src/net/connection.ts";
import { RequestReader } from "../../src/net/request-reader.ts";
import { Record } from "../../src/rdb/record.ts";
import { FolioServer } from "../../src/server/server.ts";
import { Snapshot } from "../../src/server/snapshot.ts";
import { dumpOf, keyAt } from "../support/dataset.ts";
import { printTable } from "../support/table.ts";

const ROUNDS = 400;
const BATCHES = 4000;

async function measure(keys: number, batch: number): Promise<string[]> {
  const request = parseArguments([await dumpOf(keys)]);
  if (request.kind !== "serve") throw new Error("not a dump");
  const { config, snapshot: plan } = configure(request);
  const log = () => {};
  const options = { config, log, configFile: "", executable: "", snapshotPath: plan.path, startedAtMs: Date.now() };
  const server = new FolioServer({ ...options, onEnd: () => {}, onLost: () => {} });
  const { signal } = new AbortController();
  const onLost = (reason: string) => {
    throw new Error(reason);
  };
  const snapshot = await Snapshot.open(plan, config, { log, signal, onProgress: () => {}, onLost });
  server.serve(snapshot);
  const dispatcher = commandService(server);
  const sink = { write: (_bytes: Uint8Array, _start: number, length: number) => length };
  const addresses = { address: "127.0.0.1:1", localAddress: "127.0.0.1:2", isUnix: false };
  const connection = new Connection<Client>(
    sink as unknown as Socket<Connection<Client>>,
    dispatcher,
    new RequestReader(),
    addresses,
  );
  dispatcher.open(connection);
  const requests = Array.from({ length: BATCHES }, () => {
    let text = "";
    for (let i = 0; i < batch; i++) text += `*2\r\n$3\r\nGET\r\n$16\r\n${keyAt(Math.floor(Math.random() * keys))}\r\n`;
    return new Uint8Array(Buffer.from(text));
  });
  let whole = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    for (const bytes of requests) {
      connection.receive(bytes);
      // A batch that took longer than its turn (code not compiled yet) goes on in the next one.
      while (connection.queryBytes > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    whole = Math.min(whole, ((performance.now() - from) * 1e6) / (BATCHES * batch));
  }
  const record = new Record();
  const database = server.keyspace.database(0);
  let finding = Number.POSITIVE_INFINITY;
  const keyAtByte = "*2\r\n$3\r\nGET\r\n$16\r\n".length;
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    for (const bytes of requests) {
      for (let at = keyAtByte; at < bytes.length; at += keyAtByte + 18) {
        if (!database.find(bytes, at, 16, 0, record)) throw new Error("a key is missing");
      }
    }
    finding = Math.min(finding, ((performance.now() - from) * 1e6) / (BATCHES * batch));
  }
  await snapshot.close();
  return [`${keys} keys, ${batch} in a batch`, whole.toFixed(0), finding.toFixed(0)];
}

const { values } = parseArgs({
  options: { keys: { type: "string", default: "100000,1000000" }, batch: { type: "string", default: "16" } },
});
const rows: string[][] = [];
for (const keys of values.keys.split(",").map(Number)) rows.push(await measure(keys, Number(values.batch)));
printTable("a pipelined GET inside the server, ns per request", ["", "whole", "of it: find"], rows);
process.exit(0);
