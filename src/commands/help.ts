/** HELP of a container command: made of its subcommands' rows. */
import type { Context } from "./context.ts";
import type { Command, CommandArgument } from "./table.ts";

/** The row of a container's HELP subcommand. */
export function helpRow(since: string, flags: Command["flags"], categories: Command["categories"]): Command {
  return {
    name: "help",
    arity: 2,
    flags,
    categories,
    since,
    group: "server",
    complexity: "O(1)",
    summary: "Prints this help.",
    handler: help,
  };
}

function help(c: Context): void {
  const container = c.commands.find(c.args.bytes, c.args.starts[0] as number, c.args.lengths[0] as number);
  const lines = helpLines(container?.command as Command);
  c.reply.array(lines.length);
  for (const line of lines) c.reply.simple(line);
}

/** What HELP prints, a line each. */
export function helpLines(container: Command): string[] {
  const lines = [`${container.name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const row of container.subcommands ?? []) {
    lines.push([row.name.toUpperCase(), ...(row.arguments ?? []).map(syntax)].join(" "), `    ${row.summary}`);
  }
  return lines;
}

/** An argument as in a manual: "[MATCH <pattern>]", "(ON | OFF)". */
function syntax(argument: CommandArgument): string {
  const { token, type } = argument;
  const inner = argument.arguments?.map(syntax) ?? [];
  let text: string;
  if (type === "pure-token") text = token ?? argument.name;
  else if (type === "oneof") text = inner.join(" | ");
  else if (type === "block") text = inner.join(" ");
  else text = `<${argument.name}>`;
  if (token !== undefined && type !== "pure-token") text = `${token} ${text}`;
  if (argument.multiple) text = `${text} [${text} ...]`;
  if (argument.optional) return `[${text}]`;
  return type === "oneof" ? `(${text})` : text;
}
