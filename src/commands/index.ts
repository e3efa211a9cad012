/** The command table: a list of families, nothing else. */
import { rows as bits } from "./bits.ts";
import { rows as connection } from "./connection.ts";
import { rows as hashExpiry } from "./hash-expiry.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as keys } from "./keys.ts";
import { rows as lcs } from "./lcs.ts";
import { rows as lists } from "./lists.ts";
import { rows as setAlgebra } from "./set-algebra.ts";
import { rows as sets } from "./sets.ts";
import { rows as strings } from "./strings.ts";
import type { Command } from "./table.ts";

export const COMMANDS: readonly Command[] = [
  ...connection,
  ...keys,
  ...strings,
  ...bits,
  ...lcs,
  ...hashes,
  ...hashRandom,
  ...hashExpiry,
  ...lists,
  ...sets,
  ...setAlgebra,
];
