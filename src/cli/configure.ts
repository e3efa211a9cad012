/**
 * From the command line to a configuration: files first, then standard input, then options, as Redis does.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { Config } from "../server/config/config.ts";
import { ConfigError } from "../server/config/directive.ts";
import { FatalConfigError, fatalBlock, loadFile, loadText } from "../server/config/load.ts";
import { configuredPath, type SnapshotPlan } from "../server/snapshot.ts";
import { StartError } from "../server/start-error.ts";
import { type Option, optionLine, type Request } from "./argv.ts";
import { fileKind } from "./files.ts";

export interface Configured {
  readonly config: Config;
  /** Absolute, "" for none. */
  readonly configFile: string;
  readonly snapshot: SnapshotPlan;
}

/** Throws FatalConfigError and StartError. */
export function configure(request: Request): Configured {
  const config = new Config();
  let configFile = "";
  let named = "";
  for (const path of request.files) {
    const kind = fileKind(path);
    if (kind === "config" ? configFile !== "" : named !== "") {
      throw new StartError(
        `${path}: a second ${kind === "config" ? "configuration file" : "snapshot"}; name one of each at most`,
      );
    }
    if (kind === "config") configFile = resolve(path);
    else named = resolve(path);
  }
  if (configFile !== "") loadFile(config, configFile);
  if (request.fromStandardInput) loadText(config, readFileSync(0, "latin1"), "standard input");
  for (const [i, option] of request.options.entries()) {
    try {
      config.load(option.name, option.words);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new FatalConfigError(
        fatalBlock("the command line", i + 1, optionLine(option), error.message + misplaced(option)),
      );
    }
  }
  refuseUnguarded(config);
  if (named !== "") {
    config.load("dir", [binary(dirname(named))]);
    config.load("dbfilename", [binary(basename(named))]);
  }
  config.file = configFile;
  return { config, configFile, snapshot: { path: configuredPath(config), required: named !== "" } };
}

/** A file behind an option is taken as one of its words: says so. */
function misplaced(option: Option): string {
  const last = option.words.length > 1 ? (option.words.at(-1) as string) : "";
  return last !== "" && existsSync(Buffer.from(last, "latin1").toString("utf8"))
    ? `: '${last}' is a file; files come before options: folio ${last} --${option.name} …`
    : "";
}

/** Lines that say who may do what: a server that left them out would be open to others than its owner meant. */
function refuseUnguarded(config: Config): void {
  const line = config.lines.find(([name]) => name === "user" || name === "rename-command");
  const what = line !== undefined ? line[0] : config.get("aclfile") !== "" ? "aclfile" : "";
  if (what === "") return;
  throw new StartError(
    `the configuration restricts who may do what by '${what}', which this version cannot enforce yet: ` +
      "use requirepass, or take the line out to start without the restriction",
  );
}

function binary(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
