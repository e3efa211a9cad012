/**
 * Every directive that Folio knows: all of Redis 7.2's and Folio's own.
 */
import type { Directive } from "./directive.ts";
import { ENCODINGS } from "./directives/encodings.ts";
import { FOLIO } from "./directives/folio.ts";
import { GENERAL } from "./directives/general.ts";
import { MEMORY } from "./directives/memory.ts";
import { NETWORK } from "./directives/network.ts";
import { PERSISTENCE } from "./directives/persistence.ts";
import { REPLICATION } from "./directives/replication.ts";

export const DIRECTIVES: readonly Directive[] = [
  ...NETWORK,
  ...GENERAL,
  ...PERSISTENCE,
  ...MEMORY,
  ...ENCODINGS,
  ...REPLICATION,
  ...FOLIO,
];
