/**
 * Directives whose words have a form of their own: how the words of one line become the text that CONFIG GET shows, and how
 * that text is written into a file. `previous` is the text that the words change, or add to.
 */
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError, type Line, memoryBytes, memoryText, single } from "./directive.ts";
import { quoted } from "./words.ts";

type Words = readonly string[];

/** As C's strtoll over the whole word: no digits at all are zero, but only in an empty word. Null: no number. */
function wholeNumber(word: string): number | null {
  if (word === "") return 0;
  return /^\s*[+-]?\d{1,15}$/.test(word) ? Number(word) : null;
}

/** `save 3600 1 300 100`, one pair a line or several; `save ""` turns saving off. Lines add up. */
export function save(words: Words, previous: string): string {
  if (words.length === 1 && words[0] === "") return "";
  const numbers = words.map(wholeNumber);
  const isBad = (number: number | null, i: number) =>
    number === null || number < (i % 2 === 0 ? 1 : 0) || (i % 2 === 1 && number > 2147483647);
  if (numbers.length % 2 === 1 || numbers.some(isBad)) throw new ConfigError("Invalid save parameters");
  return [previous, ...numbers].filter((word) => word !== "").join(" ");
}

/** A line for each pair. They count as no default: Redis writes them always. */
export function saveLines(value: string): Line[] {
  if (value === "") return [{ words: '""', isDefault: false }];
  return groups(value, 2).map((words) => ({ words: words.join(" "), isDefault: false }));
}

/** Addresses; a leading "-" means: no error when this one is not there. `bind ""` listens on none. */
export function bind(words: Words): string {
  if (words.length > 16) throw new ConfigError("Too many bind addresses specified.");
  return words.join(" ");
}

export const BIND_INITIAL = "* -::*";

export function bindLines(value: string): Line[] {
  return [{ words: value === "" ? '""' : value, isDefault: value === BIND_INITIAL }];
}

/** An absolute path; a relative one is taken from the previous. Its bytes are UTF-8, as those of every path. */
export function dir(words: Words, previous: string): string {
  if (single(words) === "") throw new ConfigError("No such file or directory");
  return Buffer.from(resolve(utf8(previous), utf8(single(words))), "utf8").toString("latin1");
}

/** The directory must exist and be open to this process. */
export function probeDir(value: string): void {
  const path = utf8(value);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new ConfigError("No such file or directory");
  if (!stat.isDirectory()) throw new ConfigError("Not a directory");
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new ConfigError("Permission denied");
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Always written, and absolute: the file may be used from another working directory. */
export function dirLines(value: string): Line[] {
  return [{ words: quoted(value), isDefault: false }];
}

const BUFFER_CLASSES: readonly string[] = ["normal", "slave", "pubsub"];
export const BUFFER_LIMITS_INITIAL = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

/** `<class> <hard limit> <soft limit> <soft seconds>`, one or several; classes that are not named keep theirs. */
export function clientOutputBufferLimit(words: Words, previous: string): string {
  if (words.length % 4 !== 0) throw new ConfigError("Wrong number of arguments in buffer limit configuration.");
  const kept = previous.split(" ");
  for (let i = 0; i < words.length; i += 4) {
    const name = (words[i] as string).toLowerCase();
    const place = BUFFER_CLASSES.indexOf(name === "replica" ? "slave" : name);
    if (place < 0) throw new ConfigError("Invalid client class specified in buffer limit configuration.");
    const [hard, soft] = [memoryBytes(words[i + 1] as string), memoryBytes(words[i + 2] as string)];
    const seconds = wholeNumber(words[i + 3] as string);
    if (hard === null || soft === null || seconds === null || seconds < 0) {
      throw new ConfigError("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    kept.splice(place * 4 + 1, 3, hard.toString(), soft.toString(), String(seconds));
  }
  return kept.join(" ");
}

/** A line for each class, under its newer name. */
export function clientOutputBufferLimitLines(value: string): Line[] {
  const initial = groups(BUFFER_LIMITS_INITIAL, 4).map((words) => words.join(" "));
  return groups(value, 4).map((words, i) => {
    const [name, hard, soft, seconds] = words as [string, string, string, string];
    const shown = name === "slave" ? "replica" : name;
    return {
      words: `${shown} ${memoryText(hard)} ${memoryText(soft)} ${seconds}`,
      isDefault: words.join(" ") === initial[i],
    };
  });
}

export function oomScoreAdjValues(words: Words): string {
  if (words.length !== 3) throw new ConfigError("wrong number of arguments");
  const numbers = words.map(wholeNumber);
  if (numbers.some((number) => number === null || Math.abs(number) > 2000)) {
    throw new ConfigError("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
  }
  return numbers.join(" ");
}

/** Event classes in Redis's order; "A" stands for all of them but n and m. */
export function notifyKeyspaceEvents(words: Words): string {
  const given = single(words);
  const all = "g$lshzxetd";
  if (/[^Ag$lshzxeKEtmdn]/.test(given)) {
    throw new ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  }
  const has = new Set(given.includes("A") ? given + all : given);
  const classes = [...all].every((c) => has.has(c)) ? "A" : [...all].filter((c) => has.has(c)).join("");
  return classes + [..."nKEm"].filter((c) => has.has(c)).join("");
}

export function notifyKeyspaceEventsLines(value: string): Line[] {
  return [{ words: quoted(value), isDefault: value === "" }];
}

export function replicaof(words: Words): string {
  if (words.length !== 2) throw new ConfigError("wrong number of arguments");
  const [host, port] = words as [string, string];
  if (host.toLowerCase() === "no" && port.toLowerCase() === "one") return "";
  const number = wholeNumber(port);
  if (number === null || number < 0 || number > 65535) throw new ConfigError("Invalid master port");
  return `${host} ${number}`;
}

export function replicaofLines(value: string): Line[] {
  return [{ words: value === "" ? "no one" : value, isDefault: value === "" }];
}

/** Percentiles, with six decimals at most. */
export function latencyTrackingInfoPercentiles(words: Words): string {
  if (words.length === 1 && words[0] === "") return "";
  for (const word of words) {
    if (!/^([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|0x[\da-f]+)$/i.test(word)) {
      throw new ConfigError("Invalid latency-tracking-info-percentiles parameters");
    }
    if (Number(word) < 0 || Number(word) > 100) {
      throw new ConfigError("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
  }
  return words.map((word) => String(Number(Number(word).toFixed(6)))).join(" ");
}

/** Written always, as save. */
export function latencyTrackingInfoPercentilesLines(value: string): Line[] {
  return [{ words: value === "" ? '""' : value, isDefault: false }];
}

/** "" for a plain file name, else what is wrong. */
export function fileName(name: string, kind = "filename"): (text: string) => string {
  return (text) => (/[/\\]/.test(text) ? `${name} can't be a path, just a ${kind}` : "");
}

/** As fileName, and not empty. */
export function someFileName(name: string, kind = "filename"): (text: string) => string {
  return (text) => (text === "" ? `${name} can't be empty` : fileName(name, kind)(text));
}

export function hostname(text: string): string {
  if (text.length >= 256) return "Hostnames must be less than 256 characters";
  return /^[A-Za-z0-9.-]*$/.test(text) ? "" : "Hostnames may only contain alphanumeric characters, hyphens or dots";
}

/** Without the characters that cluster files give a meaning. */
export function nodeName(text: string): string {
  return /[!#$%&()*+:;<>?@[\]^{|}~\0]/.test(text) ? "Announced human node name contained invalid character" : "";
}

const TITLE_VARIABLES = /\{(title|listen-addr|server-mode|port|tls-port|unixsocket|config-file)\}/g;

export function processTitle(text: string): string {
  const rest = text.replaceAll("{{", "").replace(TITLE_VARIABLES, "");
  const isEmpty = text.replaceAll("{title}", "").trim() === "";
  return isEmpty || rest.includes("{") ? "template format is invalid or contains unknown variables" : "";
}

/** The words of a kept text, `size` at a time. */
function groups(value: string, size: number): string[][] {
  const words = value.split(" ");
  return Array.from({ length: Math.ceil(words.length / size) }, (_, i) => words.slice(i * size, (i + 1) * size));
}
