/**
 * Lints the repository as a whole: what the type checker and the formatter do not look at. Lists of exceptions may only get
 * shorter: an entry that is not needed any more fails too.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 70;

/** Left may be imported by right, never the other way: ARCHITECTURE.md. */
const LAYERS = [
  "util",
  "mmap",
  "encodings",
  "rdb",
  "overlay",
  "layer",
  "save",
  "keyspace",
  "types",
  "commands",
  "server",
  "cli",
  "main.ts",
];

/** `net` stands beside: it knows bytes only; commands and what lies right of them may use it. */
const NET_MAY_IMPORT = ["util"];
const MAY_IMPORT_NET = ["commands", "server", "cli", "main.ts"];

/** Entries of Workers: a thread of its own begins there, started by name (new URL), not imported. */
const WORKERS_MAY_IMPORT = ["util", "mmap", "encodings", "rdb", "overlay", "layer", "save"];

/** Files beyond FILE_LINES_MAX, with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** "file:first words of its first line" → lines allowed, for functions beyond FUNCTION_LINES_MAX. */
const LONG_FUNCTIONS: Readonly<Record<string, number>> = {};

const BANNED: readonly [pattern: RegExp, why: string, except?: RegExp][] = [
  [/\/work\/|\/root\/|\/home\/[a-z]/, "a path of somebody's machine"],
  [/registry\.npmjs|npmmirror|artifactory/, "a registry's address", /^package-lock\.json$/],
  [/@ts-(ignore|nocheck)/, "types are not switched off"],
  [
    /\b(test|describe|it)\.(only\(|skip\((?!["`](no |.*\bnot\b)))/,
    "no test is left out silently: skipIf, or skip with a name that says what is missing",
  ],
  [/\bdebugger\b/, "left from debugging"],
  [/\b(TODO|FIXME|XXX)\b/, "an issue, not a comment"],
];

const tracked = trackedFiles().filter((path) => existsSync(join(ROOT, path)));
const sources = tracked.filter((path) => /^(src|test|bench|tools)\/.*\.ts$/.test(path));
const shipped = sources.filter((path) => path.startsWith("src/") && !path.endsWith(".test.ts"));
const texts = new Map(tracked.filter(isText).map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
const text = (path: string) => texts.get(path) as string;

describe("imports", () => {
  test("point one way", () => {
    const wrong: string[] = [];
    for (const path of shipped) {
      const from = layerOf(path);
      for (const target of references(path, /\bfrom "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)|^import "(\.[^"]+)"/gm)) {
        const to = layerOf(target);
        if (from !== to && !mayImport(from, to)) wrong.push(`${path} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("every folder of src has its place in the order", () => {
    const unknown = new Set(
      shipped.map(layerOf).filter((layer) => !["net", "workers"].includes(layer) && !LAYERS.includes(layer)),
    );
    expect([...unknown]).toEqual([]);
  });

  test("there is no file that nothing uses", () => {
    const used = new Set<string>(["src/main.ts"]);
    const queue = ["src/main.ts", ...sources.filter((path) => path.endsWith(".test.ts") || !path.startsWith("src/"))];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      for (const target of references(path, /["'](\.{1,2}\/[^"'\n]+\.ts)["']/g)) {
        if (used.has(target)) continue;
        used.add(target);
        queue.push(target);
      }
    }
    expect(shipped.filter((path) => !used.has(path))).toEqual([]);
  });
});

describe("size", () => {
  test(`files have at most ${FILE_LINES_MAX} lines`, () => {
    const long = sources.filter((path) => text(path).split("\n").length - 1 > FILE_LINES_MAX);
    expect(long.sort()).toEqual(Object.keys(LONG_FILES).sort());
  });

  test(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
    const found: Record<string, number> = {};
    for (const path of shipped) {
      for (const { name, lines } of functions(text(path))) {
        if (lines > FUNCTION_LINES_MAX) found[`${path}:${name}`] = lines;
      }
    }
    const grown = Object.entries(found).filter(([name, lines]) => lines > (LONG_FUNCTIONS[name] ?? 0));
    const obsolete = Object.keys(LONG_FUNCTIONS).filter((name) => found[name] === undefined);
    expect({ grown, obsolete }).toEqual({ grown: [], obsolete: [] });
  });
});

describe("habits", () => {
  test("each source file opens with what it holds", () => {
    const bare = shipped.filter((path) => !/^(import[^;]*;\s*|\/\/.*\n)*\s*\/\*\*/.test(text(path)));
    expect(bare).toEqual([]);
  });

  test("no module keeps state of its own", () => {
    const stateful = shipped.filter((path) => /^(export )?(let|var) /m.test(text(path)));
    expect(stateful).toEqual([]);
  });

  test("nothing banned is written anywhere", () => {
    const found: string[] = [];
    for (const [path, content] of texts) {
      if (path === relative(ROOT, import.meta.path)) continue;
      for (const [pattern, why, except] of BANNED) {
        if (except?.test(path)) continue;
        const line = content.split("\n").findIndex((text) => pattern.test(text));
        if (line >= 0) found.push(`${path}:${line + 1}: ${why}`);
      }
    }
    expect(found).toEqual([]);
  });

  test("links in the documents lead somewhere", () => {
    const broken: string[] = [];
    for (const path of tracked.filter((path) => path.endsWith(".md"))) {
      for (const [, target] of text(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        if (!existsSync(join(ROOT, dirname(path), target as string))) broken.push(`${path}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });
});

/** Files that git knows, or would add; without git (a tarball), what lies there. */
function trackedFiles(): string[] {
  const git = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  if (git.exitCode === 0) return git.stdout.toString().split("\n").filter(Boolean);
  return [...new Bun.Glob("{src,test,bench,tools,docs,bin,examples}/**").scanSync(ROOT)];
}

function isText(path: string): boolean {
  return !/\.(rdb|aof|gz|png|bin)$/.test(path);
}

/** "layer" for src/layer/open.ts, "main.ts" for src/main.ts, "" outside of src. */
function layerOf(path: string): string {
  return path.startsWith("src/") ? (path.split("/")[1] as string) : "";
}

function mayImport(from: string, to: string): boolean {
  if (from === "net") return NET_MAY_IMPORT.includes(to);
  if (from === "workers") return WORKERS_MAY_IMPORT.includes(to);
  if (to === "net") return MAY_IMPORT_NET.includes(from);
  return LAYERS.indexOf(to) >= 0 && LAYERS.indexOf(to) < LAYERS.indexOf(from);
}

/** Files of the repository that a file names by a relative path in the places that the pattern captures. */
function references(path: string, pattern: RegExp): string[] {
  const found: string[] = [];
  for (const match of text(path).matchAll(pattern)) {
    const target = match.slice(1).find((group) => group !== undefined) as string;
    const resolved = relative(ROOT, resolve(ROOT, dirname(path), target));
    if (texts.has(resolved)) found.push(resolved);
  }
  return found;
}

/** Functions by their indentation (the formatter sees to it): from the line that opens one to its closing brace. */
function functions(source: string): { name: string; lines: number }[] {
  const lines = source.split("\n");
  const found: { name: string; lines: number }[] = [];
  for (const [i, line] of lines.entries()) {
    if (!/(=>|\)(: [^=]+)?) \{$/.test(line)) continue;
    if (/^\s*(\} )?(if|for|while|switch|catch|else|do|try|describe|class|interface)\b/.test(line)) continue;
    const indent = /^\s*/.exec(line)?.[0] as string;
    const end = lines.findIndex((other, j) => j > i && other.startsWith(`${indent}}`));
    if (end >= 0) found.push({ name: line.trim().slice(0, 40), lines: end - i + 1 });
  }
  return found;
}
