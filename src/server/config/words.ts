/**
 * Splits one configuration line into words, as Redis does:
 *
 *   requirepass "a \"b\" \x41\n" 'it''s not'   words are parted by blanks; "…" knows \n \r \t \b \a \\ \" \xHH;
 *                                              '…' knows \' only; a closing quote ends the word
 */

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/** The words of the line; null when quotes are unbalanced or a quote is followed by anything but a blank. */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isBlank(line[at] as string)) at++;
    if (at >= line.length) return words;
    let word = "";
    while (at < line.length && !isBlank(line[at] as string)) {
      const c = line[at] as string;
      if (c !== '"' && c !== "'") {
        word += c;
        at++;
        continue;
      }
      const quoted = c === '"' ? doubleQuoted(line, at + 1) : singleQuoted(line, at + 1);
      if (quoted === null) return null;
      word += quoted.text;
      at = quoted.next;
      if (at < line.length && !isBlank(line[at] as string)) return null;
    }
    words.push(word);
  }
}

function isBlank(c: string): boolean {
  return c === " " || c === "\t" || c === "\r" || c === "\n" || c === "\v" || c === "\f" || c === "\0";
}

function doubleQuoted(line: string, start: number): { text: string; next: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const c = line[at] as string;
    if (c === '"') return { text, next: at + 1 };
    if (c !== "\\" || at + 1 >= line.length) {
      text += c;
      continue;
    }
    const hex = /^x([0-9a-f]{2})/i.exec(line.slice(at + 1, at + 4));
    if (hex !== null) {
      text += String.fromCharCode(Number.parseInt(hex[1] as string, 16));
      at += 3;
      continue;
    }
    at++;
    const escaped = line[at] as string;
    text += ESCAPES[escaped] ?? escaped;
  }
  return null;
}

function singleQuoted(line: string, start: number): { text: string; next: number } | null {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const c = line[at] as string;
    if (c === "'") return { text, next: at + 1 };
    if (c === "\\" && line[at + 1] === "'") at++;
    text += line[at] as string;
  }
  return null;
}

const ESCAPED: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\x07": "\\a",
  '"': '\\"',
  "\\": "\\\\",
};

/** The word (a binary string) in double quotes, as Redis writes it: splitWords gives it back. */
export function quoted(word: string): string {
  const escaped = word.replace(/[^ -~]|["\\]/g, (c) => {
    return ESCAPED[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
