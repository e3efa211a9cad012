/** CLIENT KILL: the old form takes an address, the new one filters that must all match. */
import type { Client } from "./client.ts";
import { clientType } from "./client-info.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer } from "./parse.ts";

interface Filters {
  id: number | null;
  type: string | null;
  user: string | null;
  address: string | null;
  localAddress: string | null;
  skipSelf: boolean;
}

export function killClients(c: Context): void {
  const { args, reply, server } = c;
  const isOldForm = args.count === 3;
  const filters = isOldForm ? noFilters(args.text(2), false) : parseFilters(c);
  let killed = 0;
  for (const client of [...server.clients.byId.values()]) {
    if (!matches(client, filters) || (filters.skipSelf && client === c.client)) continue;
    client.connection.close(client === c.client);
    killed++;
    if (isOldForm) break;
  }
  if (!isOldForm) reply.integer(killed);
  else if (killed > 0) reply.ok();
  else throw new ReplyError("ERR No such client");
}

function noFilters(address: string | null, skipSelf: boolean): Filters {
  return { id: null, type: null, user: null, address, localAddress: null, skipSelf };
}

function parseFilters(c: Context): Filters {
  const { args } = c;
  const filters = noFilters(null, true);
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 >= args.count) throw syntaxError();
    const value = args.text(i + 1);
    if (args.is(i, "ID")) {
      filters.id = integer(c, i + 1, "ERR client-id should be greater than 0");
      if (filters.id < 1) throw new ReplyError("ERR client-id should be greater than 0");
    } else if (args.is(i, "TYPE")) filters.type = clientType(value);
    else if (args.is(i, "ADDR")) filters.address = value;
    else if (args.is(i, "LADDR")) filters.localAddress = value;
    else if (args.is(i, "USER")) filters.user = knownUser(value);
    else if (args.is(i, "SKIPME")) filters.skipSelf = yesOrNo(value);
    else throw syntaxError();
  }
  return filters;
}

function knownUser(name: string): string {
  if (name !== "default") throw new ReplyError(`ERR No such user '${name}'`);
  return name;
}

function yesOrNo(text: string): boolean {
  const word = text.toLowerCase();
  if (word !== "yes" && word !== "no") throw syntaxError();
  return word === "yes";
}

function matches(client: Client, filters: Filters): boolean {
  const { connection } = client;
  if (filters.id !== null && client.id !== filters.id) return false;
  if (filters.type !== null && filters.type !== "normal") return false;
  if (filters.user !== null && client.user !== filters.user) return false;
  if (filters.address !== null && connection.address !== filters.address) return false;
  return filters.localAddress === null || connection.localAddress === filters.localAddress;
}
