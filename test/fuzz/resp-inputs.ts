/** Request bytes for fuzzing: valid requests, and what becomes of them when they are damaged. Binary strings. */
import { encodeCommand } from "../support/resp-client.ts";

export type Random = () => number;

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T;
}

const WORDS = ["PING", "ECHO", "echo", "nope", "SELECT", "COMMAND", "COUNT", "TIME", "x", "", "0", "-1"] as const;
const FRAGMENTS = [
  "\r\n",
  "\r",
  "\n",
  "*1\r\n",
  "*0\r\n",
  "*-1\r\n",
  "*3\r\n",
  "*1048577\r\n",
  "*2147483647\r\n",
  "*2147483648\r\n",
  "*99999999999999999999\r\n",
  "*01\r\n",
  "* 1\r\n",
  "$4\r\n",
  "$-1\r\n",
  "$0\r\n",
  "$536870913\r\n",
  "$04\r\n",
  "PING\r\n",
  "ECHO 'a b'\r\n",
  'ECHO "\\x41\\n"\r\n',
  'ECHO "a\r\n',
  "ECHO 'a'b\r\n",
  "\x00",
  "\xff",
  '"',
  "'",
  "\\",
  " ",
  ":1\r\n",
  "+OK\r\n",
] as const;

export function randomBytes(random: Random, lengthMax: number): string {
  let text = "";
  for (let length = below(random, lengthMax + 1); length > 0; length--) text += String.fromCharCode(below(random, 256));
  return text;
}

/** One valid request as words. */
export function randomRequest(random: Random): string[] {
  const words: string[] = [pick(random, WORDS)];
  while (random() < 0.5) words.push(random() < 0.5 ? pick(random, WORDS) : randomBytes(random, 40));
  if (random() < 0.02) words.push("v".repeat(below(random, 200_000)));
  return words;
}

/** Bytes that need not be valid: requests, fragments and noise, some of it cut, doubled or overwritten. */
export function randomInput(random: Random): string {
  let text = "";
  for (let parts = 1 + below(random, 6); parts > 0; parts--) {
    const kind = random();
    if (kind < 0.5) text += encodeCommand(randomRequest(random));
    else if (kind < 0.9) text += pick(random, FRAGMENTS);
    else text += randomBytes(random, 20);
  }
  for (let damages = random() < 0.6 ? below(random, 4) : 0; damages > 0 && text.length > 0; damages--) {
    const at = below(random, text.length);
    const kind = random();
    if (kind < 0.4) text = text.slice(0, at) + String.fromCharCode(below(random, 256)) + text.slice(at + 1);
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(at + 1 + below(random, 4));
    else text = text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(at);
  }
  return text;
}
