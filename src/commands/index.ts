/** The command table: a list of families, nothing else. */
import { rows as acl } from "./acl.ts";
import { rows as bits } from "./bits.ts";
import { rows as client } from "./client-command.ts";
import { rows as command } from "./command-command.ts";
import { rows as connection } from "./connection.ts";
import { rows as debug } from "./debug.ts";
import { rows as geo } from "./geo.ts";
import { rows as hashExpiry } from "./hash-expiry.ts";
import { rows as hashRandom } from "./hash-random.ts";
import { rows as hashes } from "./hashes.ts";
import { rows as hyperloglog } from "./hyperloglog.ts";
import { rows as keys } from "./keys.ts";
import { rows as latency } from "./latency.ts";
import { rows as lcs } from "./lcs.ts";
import { rows as lists } from "./lists.ts";
import { rows as memory } from "./memory.ts";
import { rows as monitoring } from "./monitoring.ts";
import { rows as object } from "./object.ts";
import { rows as saving } from "./saving.ts";
import { rows as scan } from "./scan.ts";
import { rows as server } from "./server-info.ts";
import { rows as setAlgebra } from "./set-algebra.ts";
import { rows as sets } from "./sets.ts";
import { rows as sort } from "./sort.ts";
import { rows as streams } from "./streams.ts";
import { rows as strings } from "./strings.ts";
import type { Command } from "./table.ts";
import { rows as waiting } from "./waiting.ts";
import { writes } from "./writes/index.ts";
import { rows as zsets } from "./zsets.ts";

export const COMMANDS: readonly Command[] = [
  ...connection,
  ...client,
  ...command,
  ...server,
  ...saving,
  ...monitoring,
  ...latency,
  ...acl,
  ...memory,
  ...debug,
  ...keys,
  ...scan,
  ...object,
  ...sort,
  ...strings,
  ...bits,
  ...lcs,
  ...hyperloglog,
  ...lists,
  ...sets,
  ...setAlgebra,
  ...hashes,
  ...hashRandom,
  ...hashExpiry,
  ...zsets,
  ...geo,
  ...streams,
  ...waiting,
  ...writes,
];
