/** The thresholds of compact encodings as configured, for the readers that tell what Redis would hold. */
import { DEFAULT_LIMITS, type EncodingLimits } from "../types/limits.ts";
import type { Config } from "./context.ts";

export function encodingLimits(config: Config): EncodingLimits {
  const names = Object.keys(DEFAULT_LIMITS) as (keyof EncodingLimits)[];
  return Object.fromEntries(names.map((name) => [name, config.number(name)])) as unknown as EncodingLimits;
}
