/** The rows of all write commands. */
import type { Command } from "../table.ts";
import { rows as generic } from "./generic.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as lists } from "./lists.ts";
import { rows as server } from "./server.ts";
import { rows as sets } from "./sets.ts";
import { rows as sortedSets } from "./sorted-sets.ts";
import { rows as streams } from "./streams.ts";
import { rows as strings } from "./strings.ts";

export const writes: readonly Command[] = [
  ...generic,
  ...strings,
  ...lists,
  ...sets,
  ...hashes,
  ...sortedSets,
  ...streams,
  ...server,
];
