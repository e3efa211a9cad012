/** A client as a line of CLIENT LIST, and the types of clients. */
import type { Args } from "../net/args.ts";
import type { Client } from "./client.ts";
import { ReplyError } from "./errors.ts";

/**
 * One line without its end, fields as Redis 7.2 has them. Binary string. `request`: what the client asks right now, which
 * counts as received; it need not lie in the connection's query buffer.
 */
export function clientLine(client: Client, nowMs: number, request: Args | null): string {
  const { connection } = client;
  const receivedBytes = Math.max(connection.queryBytes, request === null ? 0 : requestBytes(request));
  const fields: readonly (readonly [string, string | number])[] = [
    ["id", client.id],
    ["addr", connection.address],
    ["laddr", connection.localAddress],
    ["fd", connection.fd],
    ["name", client.name],
    ["age", Math.floor((nowMs - client.createdAtMs) / 1000)],
    ["idle", Math.max(0, Math.floor((nowMs - client.activeAtMs) / 1000))],
    ["flags", flagsOf(client)],
    ["db", client.dbid],
    ["sub", 0],
    ["psub", 0],
    ["ssub", 0],
    ["multi", -1],
    ["qbuf", receivedBytes],
    ["qbuf-free", connection.queryFreeBytes],
    ["argv-mem", 0],
    ["multi-mem", 0],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", connection.pendingChunks],
    ["omem", connection.pendingBytes],
    ["tot-mem", connection.memoryBytes],
    ["events", connection.pendingBytes > 0 ? "rw" : "r"],
    ["cmd", client.lastCommand],
    ["user", client.user],
    ["redir", -1],
    ["resp", client.protocol],
    ["lib-name", client.libraryName],
    ["lib-ver", client.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Of a request as clients send it: an array of bulk strings. */
function requestBytes(args: Args): number {
  let bytes = `*${args.count}\r\n`.length;
  for (let i = 0; i < args.count; i++) bytes += `$${args.lengths[i]}\r\n\r\n`.length + (args.lengths[i] as number);
  return bytes;
}

function flagsOf(client: Client): string {
  let flags = "";
  if (client.parked) flags += "b";
  if (client.connection.isUnix) flags += "U";
  if (client.noEvict) flags += "e";
  if (client.noTouch) flags += "T";
  return flags === "" ? "N" : flags;
}

/** "normal", "replica", "pubsub", "master". Throws ReplyError on an unknown one. */
export function clientType(name: string): string {
  const type = name.toLowerCase();
  if (type === "slave") return "replica";
  if (!["normal", "replica", "pubsub", "master"].includes(type))
    throw new ReplyError(`ERR Unknown client type '${name}'`);
  return type;
}
