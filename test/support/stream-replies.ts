/** Replies about streams, to be compared with another server's. */
import type { RespValue } from "./resp-client.ts";

/** A reply without times of now, and without the fields of maps named in `left`, which the other server lacks or has otherwise. */
export function withoutTimes(reply: RespValue, left: ReadonlySet<string>): unknown {
  if (!Array.isArray(reply)) return typeof reply === "number" && reply > 1e12 ? "now" : reply;
  const items: unknown[] = [];
  for (let i = 0; i < reply.length; i++) {
    if (left.has(reply[i] as string)) i++;
    else items.push(withoutTimes(reply[i] as RespValue, left));
  }
  return items;
}
