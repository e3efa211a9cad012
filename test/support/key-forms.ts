/**
 * Keys of each form that a type has (missing, small, large, with an expiry, of another type), one for each line of commands: lines name
 * their key $k, and another one $d.
 */
import type { Word } from "./redis-server.ts";

/** How a key of each form is made, by the form's name. */
export type KeyForms = Readonly<Record<string, (key: string) => Word[][]>>;

/** The key of a form that the i-th line is run on. */
export const keyOf = (form: string, i: number): string => `k:${form}:${i}`;

/** What $d is in the i-th line. */
export const otherKeyOf = (form: string, i: number): string => `${keyOf(form, i)}:d`;

/** Commands that make every form's keys for `lines` lines. */
export function formRequests(forms: KeyForms, lines: number): Word[][] {
  const requests: Word[][] = [];
  for (const [form, make] of Object.entries(forms)) {
    for (let i = 0; i < lines; i++) requests.push(...make(keyOf(form, i)));
  }
  return requests;
}

/** The lines' words, on the keys of this form. */
export function commandsOn(form: string, lines: readonly string[]): string[][] {
  return lines.map((line, i) =>
    line.split(" ").map((word) => word.replace("$k", keyOf(form, i)).replace("$d", otherKeyOf(form, i))),
  );
}
