/**
 * bench/collections: large collections, Folio beside redis-server in the same run: memory, CPU per request, commands on a million elements,
 * and Folio's reads by key of what lies in the file. Servers are pinned to core 0, clients to core 1.
 *
 *   npm run bench:collections [-- --quick --only memory|cpu|large|layer --commands ZADD --elements 1000000 --rounds 3]
 *
 * --commands: of the tables of commands, those whose names begin so. What Folio does not have yet is printed as missing.
 */
import { parseArgs } from "node:util";
import { cpuTable } from "./cpu.ts";
import { largeTable } from "./large.ts";
import { layerTable } from "./layer.ts";
import { memoryTable } from "./memory.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "memory,cpu,large,layer" },
    commands: { type: "string", default: "" },
    elements: { type: "string" },
    rounds: { type: "string" },
  },
});
const { quick, commands } = values;
const elements = Number(values.elements ?? (quick ? 100_000 : 1_000_000));
const rounds = Number(values.rounds ?? (quick ? 1 : 3));
const chosen = values.only.split(",");

// All threads of this process, its clients, and those that it starts without another core.
Bun.spawnSync(["taskset", "-a", "-cp", "1", `${process.pid}`]);
if (chosen.includes("memory")) await memoryTable(elements);
if (chosen.includes("cpu")) await cpuTable(quick ? 50_000 : 300_000, rounds, commands);
if (chosen.includes("large")) await largeTable(elements, quick ? 500 : 3000, commands);
if (chosen.includes("layer")) await layerTable(quick ? 500 : 3000);
process.exit(0);
