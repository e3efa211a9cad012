/** A value that Redis would refuse to load. */
import { FormatError } from "../util/format-error.ts";
import { rdbTypeName } from "./opcodes.ts";

/** The error for the value, or the part of one, at `offset`: `problem` is what was found there. */
export function badValue(offset: number, type: number, problem: string): FormatError {
  return new FormatError("bad-value", offset, problem, `a sound value of type ${rdbTypeName(type)}`);
}
