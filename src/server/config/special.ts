/**
 * Directives whose words have a form of their own. Each takes the words of one line and the text kept so far ("" while
 * nothing has been given) and answers the text that CONFIG GET shows.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigError, memoryBytes, single } from "./directive.ts";

type Words = readonly string[];

/** `save 3600 1 300 100`, one pair a line or several; `save ""` turns saving off. Lines add up. */
export function save(words: Words, previous: string): string {
  if (words.length === 1 && words[0] === "") return "";
  const flat = words.length === 1 ? (words[0] as string).split(/\s+/) : words;
  const good = flat.length > 0 && flat.length % 2 === 0 && flat.every((word) => /^\d{1,15}$/.test(word));
  if (!good || flat.some((word, i) => i % 2 === 0 && Number(word) < 1)) {
    throw new ConfigError("Invalid save parameters");
  }
  return [previous, ...flat.map((word) => String(Number(word)))].filter((word) => word !== "").join(" ");
}

/** Addresses; a leading "-" means: no error when this one is not there. `bind ""` listens on none. */
export function bind(words: Words): string {
  const addresses = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  if (addresses.length > 16) throw new ConfigError("Too many bind addresses specified.");
  return addresses.join(" ");
}

/** The directory must exist; it is kept as an absolute path. Its name's bytes are UTF-8, as those of every path. */
export function dir(words: Words): string {
  const path = resolve(Buffer.from(single(words), "latin1").toString("utf8"));
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new ConfigError("No such file or directory");
  if (!stat.isDirectory()) throw new ConfigError("Not a directory");
  return Buffer.from(path, "utf8").toString("latin1");
}

const BUFFER_CLASSES: readonly string[] = ["normal", "slave", "pubsub"];
const BUFFER_LIMITS_INITIAL = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

/** `<class> <hard limit> <soft limit> <soft seconds>`, one or several; classes that are not named keep theirs. */
export function clientOutputBufferLimit(words: Words, previous: string): string {
  const flat = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  if (flat.length === 0 || flat.length % 4 !== 0) {
    throw new ConfigError("Wrong number of arguments in buffer limit configuration.");
  }
  const kept = (previous || BUFFER_LIMITS_INITIAL).split(" ");
  for (let i = 0; i < flat.length; i += 4) {
    const name = (flat[i] as string).toLowerCase().replace("replica", "slave");
    const place = BUFFER_CLASSES.indexOf(name);
    if (place < 0) throw new ConfigError("Invalid client class specified in buffer limit configuration.");
    const [hard, soft] = [memoryBytes(flat[i + 1] as string), memoryBytes(flat[i + 2] as string)];
    const seconds = flat[i + 3] as string;
    if (hard === null || soft === null || !/^\d{1,9}$/.test(seconds)) {
      throw new ConfigError("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    kept.splice(place * 4 + 1, 3, hard.toString(), soft.toString(), String(Number(seconds)));
  }
  return kept.join(" ");
}

export function oomScoreAdjValues(words: Words): string {
  const flat = words.flatMap((word) => word.split(/\s+/));
  if (flat.length !== 3) throw new ConfigError("wrong number of arguments");
  if (flat.some((word) => !/^-?\d{1,4}$/.test(word) || Math.abs(Number(word)) > 2000)) {
    throw new ConfigError("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
  }
  return flat.map(Number).join(" ");
}

/** Event classes in Redis's order; "A" stands for all but m and n. */
export function notifyKeyspaceEvents(words: Words): string {
  const given = single(words);
  const all = "g$lshzxetd";
  if (/[^Ag$lshzxeKEtmdn]/.test(given)) {
    throw new ConfigError("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  }
  const has = new Set(given.includes("A") ? given + all : given);
  const classes = [...all].every((c) => has.has(c)) ? "A" : [..."g$lshzxetd"].filter((c) => has.has(c)).join("");
  return classes + [..."KEmn"].filter((c) => has.has(c)).join("");
}

export function replicaof(words: Words): string {
  if (words.length !== 2) throw new ConfigError("wrong number of arguments");
  const [host, port] = words as [string, string];
  if (host.toLowerCase() === "no" && port.toLowerCase() === "one") return "";
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new ConfigError("Invalid master port");
  return `${host} ${Number(port)}`;
}

export function latencyTrackingInfoPercentiles(words: Words): string {
  const flat = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  for (const word of flat) {
    if (!/^-?\d+(\.\d+)?$/.test(word)) throw new ConfigError("Invalid latency-tracking-info-percentiles parameters");
    if (Number(word) < 0 || Number(word) > 100) {
      throw new ConfigError("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
  }
  return flat.map(Number).join(" ");
}
