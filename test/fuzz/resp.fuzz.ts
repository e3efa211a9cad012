/**
 * Fuzzes the request parser and, through a real socket, the whole command path.
 *
 *   bun test/fuzz/resp.fuzz.ts --seconds 60 --seed 1
 *
 * What must hold: bytes parse the same whole and in any pieces; valid requests come out as they went in; no offset lies
 * outside the bytes; the server neither fails unexpectedly nor stops answering others. A failure prints its seed, and the
 * run with that seed fails first.
 */
import { Parsed, RequestParser } from "../../src/net/request-parser.ts";
import { RequestReader } from "../../src/net/request-reader.ts";
import { randomFrom } from "../support/random.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { encodeCommand, RespClient } from "../support/resp-client.ts";
import { StubServer } from "../support/stub-server.ts";
import { below, type Random, randomInput, randomRequest } from "./resp-inputs.ts";

interface Outcome {
  readonly requests: string[][];
  readonly error: string;
  readonly left: number;
}

function parseInPieces(bytes: Uint8Array, cuts: readonly number[], restricted: boolean): Outcome {
  const parser = new RequestParser();
  parser.restricted = restricted;
  const requests: string[][] = [];
  let pos = 0;
  for (const end of [...cuts, bytes.length]) {
    parser.feed(bytes, pos, end);
    let parsed: Parsed;
    while ((parsed = parser.next()) === Parsed.REQUEST) {
      const { args } = parser;
      for (let i = 0; i < args.count; i++) {
        const last = (args.starts[i] as number) + (args.lengths[i] as number);
        if ((args.starts[i] as number) < 0 || last > args.bytes.length)
          throw new Error(`argument ${i} ends at ${last}`);
      }
      requests.push(Array.from({ length: args.count }, (_, i) => args.text(i)));
    }
    if (parsed === Parsed.ERROR) return { requests, error: parser.error, left: -1 };
    pos = parser.pos;
  }
  return { requests, error: "", left: parser.begun ? bytes.length - parser.requestStart : 0 };
}

/** As parseInPieces, by the reader that connections use: batches where requests are plain. */
function readInPieces(bytes: Uint8Array, cuts: readonly number[]): Outcome {
  const reader = new RequestReader();
  const requests: string[][] = [];
  let unfinished: RequestParser | null = null;
  let from = 0;
  for (const end of [...cuts, bytes.length]) {
    reader.begin(bytes, from, end, 512 * 1024 * 1024, unfinished);
    let parsed: Parsed;
    while ((parsed = reader.next(false)) === Parsed.REQUEST) {
      requests.push(Array.from({ length: reader.args.count }, (_, i) => reader.args.text(i)));
    }
    if (parsed === Parsed.ERROR) return { requests, error: reader.error, left: -1 };
    from = reader.end();
    unfinished = reader.takeUnfinished();
  }
  return { requests, error: "", left: bytes.length - from };
}

function same(what: string, one: unknown, two: unknown): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(two)];
  if (left !== right) throw new Error(`${what}:\n  ${left.slice(0, 2000)}\n  ${right.slice(0, 2000)}`);
}

function fuzzParser(random: Random): void {
  const input = Buffer.from(randomInput(random), "latin1");
  const restricted = random() < 0.1;
  const whole = parseInPieces(input, [], restricted);
  const cuts = Array.from({ length: 1 + below(random, 8) }, () => below(random, input.length + 1));
  same(
    "in pieces",
    parseInPieces(
      input,
      cuts.sort((a, b) => a - b),
      restricted,
    ),
    whole,
  );
  if (!restricted) {
    same("by the reader", readInPieces(input, []), whole);
    same("by the reader, in pieces", readInPieces(input, cuts), whole);
  }
  if (input.length < 300) {
    const each = Array.from({ length: input.length }, (_, i) => i);
    same("byte by byte", parseInPieces(input, each, restricted), whole);
  }
  const requests = Array.from({ length: below(random, 5) }, () => randomRequest(random));
  const valid = Buffer.from(requests.map(encodeCommand).join(""), "latin1");
  same("valid requests", parseInPieces(valid, [], false), { requests, error: "", left: 0 });
}

/** One connection that sends damaged bytes in pieces, while another goes on being answered. */
async function fuzzServer(random: Random, server: StubServer, witness: RespClient): Promise<void> {
  const socket = await RawSocket.connect(server.port);
  const input = randomInput(random);
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + below(random, input.length));
    socket.send(input.slice(at, end));
    at = end;
    if (random() < 0.2) await Bun.sleep(0);
  }
  same("the other client", await witness.command("PING"), "+PONG");
  socket.close();
  same(
    "unexpected errors",
    server.logged.filter((line) => line.includes("Unexpected")),
    [],
  );
}

export interface FuzzReport {
  readonly inputs: number;
  readonly connections: number;
}

/** Runs for `seconds` from `seed`. Rejects with the failing round's seed in the message. */
export async function fuzzResp(seconds: number, seed: number): Promise<FuzzReport> {
  const server = new StubServer();
  const witness = await RespClient.connect(server.port);
  const deadline = Date.now() + seconds * 1000;
  let inputs = 0;
  let connections = 0;
  try {
    for (let round = seed; Date.now() < deadline; round++) {
      const random = randomFrom(round);
      try {
        for (let i = 0; i < 100; i++, inputs++) fuzzParser(random);
        for (let i = 0; i < 4; i++, connections++) await fuzzServer(random, server, witness);
      } catch (error) {
        throw new Error(`seed ${round}: ${(error as Error).message}`, { cause: error });
      }
    }
  } finally {
    witness.close();
    server.stop();
  }
  return { inputs, connections };
}

if (import.meta.main) {
  const option = (name: string, otherwise: number) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
  };
  const seed = option("--seed", Date.now() % 1_000_000_000);
  const seconds = option("--seconds", 10);
  console.log(`resp fuzz: --seconds ${seconds} --seed ${seed}`);
  const { inputs, connections } = await fuzzResp(seconds, seed);
  console.log(`${inputs} inputs parsed, ${connections} connections: nothing wrong`);
  process.exit(0);
}
