/**
 * What is wrong with bytes that came from outside: where, what was found, what was expected.
 * An operating error (see docs style): it is caught and shown to a person, never swallowed.
 */
export class FormatError extends Error {
  /** Machine-readable kind, lower-case words joined by "-": "truncated", "bad-length", "bad-checksum". */
  readonly code: string;
  /** Offset in bytes from the start of the file (or of the buffer) where the trouble begins. */
  readonly offset: number;
  readonly found: string;
  readonly expected: string;

  constructor(code: string, offset: number, found: string, expected: string) {
    super(`at offset ${offset}: found ${found}, expected ${expected}`);
    this.name = "FormatError";
    this.code = code;
    this.offset = offset;
    this.found = found;
    this.expected = expected;
  }
}
