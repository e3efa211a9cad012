/** Requests and replies as they are printed. */

export function shown(text: string, max = 300): string {
  return JSON.stringify(text.length > max ? `${text.slice(0, max)}… (${text.length} bytes)` : text);
}

export function line(words: readonly string[]): string {
  return words.map((word) => shown(word, 100)).join(" ");
}
