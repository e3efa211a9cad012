/** Errors that become a reply: thrown by handlers and their helpers, written by dispatch after rolling the reply back. */

export class ReplyError extends Error {
  /** `text`: the whole error with its prefix, without dash: "ERR syntax error". Binary string. */
  constructor(text: string) {
    super(text);
    this.name = "ReplyError";
  }
}

export function syntaxError(): ReplyError {
  return new ReplyError("ERR syntax error");
}

export function wrongType(): ReplyError {
  return new ReplyError("WRONGTYPE Operation against a key holding the wrong kind of value");
}

export function notAnInteger(): ReplyError {
  return new ReplyError("ERR value is not an integer or out of range");
}

/** What containers that count their arguments themselves answer when a subcommand has too many. Words as sent. */
export function wrongSubcommand(container: string, word: string): ReplyError {
  const shown = word.slice(0, 128);
  return new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${shown}'. Try ${container.toUpperCase()} HELP.`,
  );
}

export function wrongArity(fullName: string): ReplyError {
  return new ReplyError(`ERR wrong number of arguments for '${fullName}' command`);
}
