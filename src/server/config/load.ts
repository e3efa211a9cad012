/**
 * Reads configuration lines from files, standard input and the command line into a Config.
 *
 * Trouble is reported as Redis's block: the source, the line, the line's text, what is wrong.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError } from "./directive.ts";
import { splitWords } from "./words.ts";

const INCLUDE_DEPTH_MAX = 16;
/** What is longer is no configuration: a device without an end, a file that was named by mistake. */
const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

/** A configuration that cannot be used; `message` is the whole block for standard error. */
export class FatalConfigError extends Error {
  override readonly name = "FatalConfigError";
  /** The same in one line. */
  readonly brief: string;

  constructor(message: string, brief = message) {
    super(message);
    this.brief = brief;
  }
}

/** Reads a file; throws FatalConfigError. `include` patterns are taken from `config.directory`. */
export function loadFile(config: Config, path: string, depth = 0): void {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (error instanceof FatalConfigError) throw error;
    throw new FatalConfigError(`Fatal error, can't open config file '${resolve(path)}': ${reason(error)}`);
  }
  loadText(config, text, path, depth);
}

/** The file's bytes as a binary string. Throws the system's errors, and FatalConfigError for a file that is too long. */
export function readText(path: string): string {
  const fd = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(64 * 1024);
    let text = "";
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) {
      text += chunk.toString("latin1", 0, read);
      if (text.length > CONFIG_BYTES_MAX) {
        const found = `has more than ${CONFIG_BYTES_MAX} bytes: it is no configuration file`;
        throw new FatalConfigError(`Fatal error, config file '${resolve(path)}' ${found}`);
      }
    }
    return text;
  } finally {
    closeSync(fd);
  }
}

/** Reads lines of text (a binary string); `source` names them in errors. */
export function loadText(config: Config, text: string, source: string, depth = 0): void {
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] as string).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
    if (line === "" || line.startsWith("#")) continue;
    const fail = (why: string) =>
      new FatalConfigError(fatalBlock(source, i + 1, shown(config, line), why), `${source}, at line ${i + 1}: ${why}`);
    const words = splitWords(line);
    if (words === null) throw fail("Unbalanced quotes in configuration line");
    const [name, ...rest] = words;
    if (name === undefined) continue;
    if (name.toLowerCase() === "include") {
      if (rest.length !== 1) throw fail("wrong number of arguments");
      if (depth >= INCLUDE_DEPTH_MAX) throw fail(`include files are nested more than ${INCLUDE_DEPTH_MAX} deep`);
      for (const path of included(rest[0] as string, config.directory)) loadFile(config, path, depth + 1);
      continue;
    }
    try {
      config.load(name, rest);
    } catch (error) {
      if (error instanceof ConfigError) throw fail(error.message);
      throw error;
    }
  }
}

/** The paths that an include line means; a pattern may match none. Relative ones start in `directory`. */
function included(pattern: string, directory: string): string[] {
  const path = Buffer.from(pattern, "latin1").toString("utf8");
  const found = /[*?[]/.test(path)
    ? [...new Bun.Glob(path).scanSync({ cwd: directory, absolute: false, onlyFiles: true, dot: false })].sort()
    : [path];
  return found.map((file) => (isAbsolute(file) || directory === process.cwd() ? file : join(directory, file)));
}

/** The block that redis-server prints. */
export function fatalBlock(source: string, line: number, text: string, why: string): string {
  return `\n*** FATAL CONFIG FILE ERROR (Folio) ***\nReading ${source}, at line ${line}\n>>> '${text}'\n${why}`;
}

/** The line as it may be shown: a secret's value is left out. */
function shown(config: Config, line: string): string {
  const name = line.split(/\s/, 1)[0] as string;
  return config.directive(name)?.secret || name.toLowerCase() === "user" ? `${name} (value not shown)` : line;
}

/** "No such file or directory" rather than "ENOENT: no such file or directory, open 'x'". */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const plain = /^E[A-Z]+: ([^,]+)/.exec(text)?.[1] ?? text;
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
