import { expect, test } from "bun:test";
import { fuzzResp } from "./resp.fuzz.ts";

test("a short run of the RESP fuzzer", async () => {
  const seed = Number(process.env["FOLIO_SEED"] ?? Date.now() % 1_000_000_000);
  console.log(`resp fuzz: FOLIO_SEED=${seed}`);
  const { inputs, connections } = await fuzzResp(1.5, seed);
  expect(inputs).toBeGreaterThan(0);
  expect(connections).toBeGreaterThan(0);
}, 20_000);
