/** The command table: a list of families, nothing else. */
import { rows as connection } from "./connection.ts";
import type { Command } from "./table.ts";

export const COMMANDS: readonly Command[] = [...connection];
