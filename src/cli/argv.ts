/**
 * What the command line asks for.
 *
 *   folio [redis.conf] [dump.rdb] [--directive words …] … [-]
 *
 * Options are configuration lines: `--save 60 100 --bind 127.0.0.1 ::1`; "-" reads further lines from standard input.
 * Words are binary strings (the bytes of the command line, one character each).
 */

export interface Request {
  readonly kind: "serve" | "help" | "version" | "refused";
  /** Why it is refused: one line. */
  readonly reason: string;
  /** Positional arguments, in order: a configuration file or a snapshot. As given (UTF-16). */
  readonly files: readonly string[];
  readonly options: readonly Option[];
  readonly fromStandardInput: boolean;
}

export interface Option {
  readonly name: string;
  readonly words: readonly string[];
}

const REFUSED: Readonly<Record<string, string>> = {
  "--test-memory": "Folio has no memory test: use memtester or memtest86+.",
  "--check-system": "Folio has no system check; what it finds of the system is in its log at start.",
  "--sentinel": "Folio is no Sentinel: run redis-sentinel; it can watch a Folio as it watches a Redis.",
  "--check-rdb": "Folio checks a snapshot when it opens it: start it on the file.",
  "--check-aof": "Folio has no append-only file yet.",
};

/** Sorts the arguments; nothing is opened or checked against the directives here. */
export function parseArguments(args: readonly string[]): Request {
  const files: string[] = [];
  const options: { name: string; words: string[] }[] = [];
  let fromStandardInput = false;
  const request = (kind: Request["kind"], reason = ""): Request => ({
    kind,
    reason,
    files,
    options,
    fromStandardInput,
  });
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    const alone = options.length === 0;
    if (alone && (arg === "-h" || arg === "--help")) return request("help");
    if (alone && (arg === "-v" || arg === "--version")) return request("version");
    const refused = REFUSED[arg];
    if (refused !== undefined) return request("refused", refused);
    if (arg === "-" && (i === args.length - 1 || alone)) {
      fromStandardInput = true;
    } else if (/^--./.test(arg)) {
      // `--port 6380` may come as one argument, as Redis takes it.
      const [name, ...words] = arg.slice(2).split(" ");
      options.push({ name: binary(name as string), words: words.filter((word) => word !== "").map(binary) });
    } else if (alone) {
      if (arg.startsWith("-") && arg.length > 1) {
        return request("refused", `Unknown option '${arg}': options begin with two dashes, see folio --help.`);
      }
      files.push(arg);
    } else {
      options.at(-1)?.words.push(binary(arg));
    }
  }
  return request("serve");
}

/** An option as the configuration line it stands for, for error messages. */
export function optionLine(option: Option): string {
  return [option.name, ...option.words.map((word) => `"${word}"`)].join(" ");
}

function binary(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
