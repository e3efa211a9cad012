/**
 * What a run of a unit gives: the driver's event lines become outcomes of tests, these are compared with redis-server's and
 * with the list of known failures, and counted for the table. Pure: no processes, no files.
 */

export type Status = "ok" | "failed" | "skipped" | "hung";

export interface Outcome {
  name: string;
  status: Status;
  /** Why it failed, in the suite's words. */
  detail: string;
  /** Commands that the server said it does not have while the test ran, or that should have written a key it used. */
  missing: string[];
}

export interface UnitResult {
  unit: string;
  outcomes: Outcome[];
  /** Commands between tests that failed: where, and why. */
  broken: string[];
  /** Commands that the server said it does not have, between tests. */
  lacking: string[];
  /** Not "" when the unit was given up: why. */
  givenUp: string;
}

export interface Event {
  status: string;
  elapsedMs: number;
  missing: string[];
  text: string;
}

/** An event of drive.tcl, or null for any other line. */
export function parseEvent(line: string): Event | null {
  const match = /^@event (\w+) (\d+) (\S+) ?([A-Za-z0-9+/=]*)\s*$/.exec(line);
  if (match === null) return null;
  const [, status = "", elapsed = "", missing = "", text = ""] = match;
  return {
    status,
    elapsedMs: Number(elapsed),
    missing: missing === "-" ? [] : missing.split(","),
    text: Buffer.from(text, "base64").toString("utf8"),
  };
}

/** Collects a unit's events. */
export class Collector {
  readonly outcomes: Outcome[] = [];
  readonly broken: string[] = [];
  readonly lacking = new Set<string>();
  /** Servers that the suite started. */
  readonly spawned: number[] = [];
  isDone = false;
  /** The test that runs now, or null. */
  running: string | null = null;

  take({ status, missing, text }: Event): void {
    switch (status) {
      case "testing":
        this.running = text;
        break;
      case "ok":
        this.#close({ name: text, status: "ok", detail: "", missing: [] });
        break;
      case "err":
        this.#close({
          name: this.running ?? "(outside a test)",
          status: "failed",
          detail: failureDetail(text),
          missing,
        });
        break;
      case "skip":
      case "ignore":
        this.outcomes.push({ name: text, status: "skipped", detail: "", missing: [] });
        break;
      case "broken":
        this.broken.push(missing.length === 0 ? text : `${text}\n(lacks ${missing.join(", ")})`);
        for (const name of missing) this.lacking.add(name);
        break;
      case "spawned":
        this.spawned.push(Number(text));
        break;
      case "done":
        this.isDone = true;
        break;
    }
  }

  #close(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.running = null;
  }
}

/**
 * The suite reports "NAME in FILE", the message (an error that is no assertion without its first ten characters, followed by
 * the whole error and its trace); this is the message whole, in one line.
 */
function failureDetail(text: string): string {
  const [, cut = "", whole = ""] = text.split("\n");
  const isCut = whole.endsWith(cut) && whole.length === cut.length + CUT_CHARACTERS;
  return (isCut ? whole : cut || whole).trim();
}
const CUT_CHARACTERS = 10;

/** Families of commands that come as a whole, later; "replication" and "aof" also where a test only looks at what is propagated. */
export type Need =
  | "collections"
  | "transactions"
  | "scripting"
  | "pubsub"
  | "replication"
  | "aof"
  | "monitor"
  | "migrate"
  | "tracking"
  | "acl";

/** The first that fits a missing command is a test's need. */
const NEEDS: readonly [need: Need, commands: RegExp][] = [
  ["scripting", /^(eval|evalsha|fcall)(_ro)?$|^(script|function)(\||$)/],
  ["transactions", /^(multi|exec|discard|watch|unwatch)$/],
  ["pubsub", /^[ps]?(un)?subscribe$|^s?publish$|^pubsub(\||$)/],
  ["replication", /^(replicaof|slaveof|psync|sync|replconf|failover|role)$/],
  ["aof", /^(bgrewriteaof|debug\|loadaof|waitaof)$/],
  ["monitor", /^monitor$/],
  ["migrate", /^migrate$/],
  ["tracking", /^client\|(tracking|caching|trackinginfo|getredir)$/],
  ["acl", /^acl\|(setuser|deluser|load|save|log)$/],
  ["collections", /^(h(?!ello)|b?z|x|pf|geo)[a-z]+(\||$)/],
  ["collections", /^b?[lr](push|pushx|pop|poplpush|move|mpop)$|^l(index|insert|rem|set|trim)$|^sort$/],
  ["collections", /^s(add|rem|pop|move|(diff|inter|union)store)$/],
];

/** What whole family of commands, not there yet, a failed test needs; null: none, the failure is the server's. */
export function needOf(missing: readonly string[]): Need | null {
  return NEEDS.find(([, commands]) => missing.some((name) => commands.test(name)))?.[0] ?? null;
}

/** Reasons by unit and test name. */
export type KnownFailures = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Verdict {
  ok: number;
  skipped: number;
  /** Failed as listed. */
  known: number;
  /** Failed for want of a family of commands. */
  inNeed: { need: Need; outcome: Outcome }[];
  /** Not on the list, and redis-server passes them. */
  unexpected: Outcome[];
  /** redis-server fails them too. */
  failedByRedis: number;
  /** On the list, but they pass (or are not there any more). */
  mended: string[];
}

/** Tests of one name count as one: failed when one of them failed. */
export function byName(outcomes: readonly Outcome[]): Map<string, Outcome> {
  const rank: Record<Status, number> = { skipped: 0, ok: 1, failed: 2, hung: 3 };
  const found = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const before = found.get(outcome.name);
    if (before === undefined || rank[outcome.status] > rank[before.status]) found.set(outcome.name, outcome);
  }
  return found;
}

/** Variables that tests share are set between tests, where a missing command ends what would set them. */
const UNSET_VARIABLE = /^can't read "[^"]*": no such variable/;

/** Folio's result beside redis-server's. */
export function judge(folio: UnitResult, redis: UnitResult, known: Readonly<Record<string, string>> = {}): Verdict {
  const reference = byName(redis.outcomes);
  const own = byName(folio.outcomes);
  const verdict: Verdict = {
    ok: 0,
    skipped: 0,
    known: 0,
    inNeed: [],
    unexpected: [],
    failedByRedis: 0,
    mended: [],
  };
  for (const outcome of own.values()) {
    const isKnockOn = outcome.status === "failed" && UNSET_VARIABLE.test(outcome.detail);
    const missing = isKnockOn ? [...outcome.missing, ...folio.lacking] : outcome.missing;
    sort({ ...outcome, missing }, reference.get(outcome.name), known, verdict);
  }
  for (const [name, passed] of reference) {
    if (passed.status !== "ok" || own.has(name)) continue;
    const detail = "did not run";
    sort({ name, status: "failed", detail, missing: folio.lacking }, passed, known, verdict);
  }
  const isWholeRun = folio.givenUp === "";
  for (const name of Object.keys(known)) {
    const status = own.get(name)?.status;
    if (status === "ok" || (isWholeRun && status === undefined && !reference.has(name))) verdict.mended.push(name);
  }
  return verdict;
}

function sort(
  outcome: Outcome,
  passed: Outcome | undefined,
  known: Readonly<Record<string, string>>,
  into: Verdict,
): void {
  const need = needOf(outcome.missing);
  if (outcome.status === "ok") into.ok++;
  else if (outcome.status === "skipped") into.skipped++;
  else if (known[outcome.name] !== undefined) into.known++;
  else if (need !== null) into.inNeed.push({ need, outcome });
  else if (passed !== undefined && passed.status !== "ok") into.failedByRedis++;
  else into.unexpected.push(outcome);
}
