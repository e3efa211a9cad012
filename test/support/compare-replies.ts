/**
 * Raw replies of two servers, compared token by token: types, lengths of arrays and texts must be the same; texts that are
 * numbers may be written in another way (redis-server 7.0 prints doubles with 17 digits), within a tolerance if one is given.
 */
import { replyEnd } from "./redis-server.ts";

interface Token {
  /** First byte of the reply: its type. */
  readonly type: string;
  /** Text of a simple or bulk reply, count of an aggregate. */
  readonly text: string;
}

/** The replies in a raw reply, aggregates before their items. */
export function tokens(raw: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < raw.length) {
    const type = raw[at] as string;
    const line = raw.indexOf("\r\n", at);
    const head = raw.slice(at + 1, line);
    if ("$=!".includes(type) && head !== "-1") {
      const start = line + 2;
      found.push({ type, text: raw.slice(start, start + Number(head)) });
      at = replyEnd(raw, at);
    } else {
      found.push({ type, text: head });
      at = line + 2;
    }
  }
  return found;
}

const NUMBER = /^[+-]?(?:inf|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/;

function numberOf(text: string): number {
  return text.endsWith("inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);
}

/** Null when the replies say the same, else the first difference. `tolerance`: how far two numbers may be apart. */
export function replyDifference(ours: string, theirs: string, tolerance = 0): string | null {
  if (ours === theirs) return null;
  const mine = tokens(ours);
  const other = tokens(theirs);
  for (let i = 0; i < Math.max(mine.length, other.length); i++) {
    const a = mine[i];
    const b = other[i];
    if (a === undefined || b === undefined) return `token ${i}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
    if (a.type === b.type && a.text === b.text) continue;
    const isNumber = "$,:".includes(a.type) && NUMBER.test(a.text) && NUMBER.test(b.text);
    const apart = isNumber ? Math.abs(numberOf(a.text) - numberOf(b.text)) : Number.NaN;
    const same = isNumber && (numberOf(a.text) === numberOf(b.text) || apart <= tolerance);
    if (a.type !== b.type || !same) return `token ${i}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
  }
  return null;
}
