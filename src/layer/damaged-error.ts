/**
 * A key that cannot be answered because bytes on disk are not what they were when the index was built.
 * Dispatch turns it into an error reply; every other key goes on being served.
 */
import { FormatError } from "../util/format-error.ts";

export type DamageCode = "damaged-block" | "damaged-index";

export class DamagedError extends FormatError {
  /** Path of the damaged file. */
  readonly file: string;

  constructor(code: DamageCode, file: string, offset: number, found: string, expected: string, advice: string) {
    super(code, offset, found, expected);
    this.name = "DamagedError";
    this.file = file;
    this.message = `${file} is damaged at offset ${offset}: found ${found}, expected ${expected}; ${advice}`;
  }
}
