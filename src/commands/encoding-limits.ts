/** The thresholds of compact encodings as configured, for the readers that tell what Redis would hold, and for what is written. */
import { DEFAULT_LIMITS, type EncodingLimits } from "../types/limits.ts";
import type { Config } from "./context.ts";

const NAMES = Object.keys(DEFAULT_LIMITS) as (keyof EncodingLimits)[];

const LIVE = new WeakMap<Config, EncodingLimits>();
/** The server that was served last: nearly always the only one. */
const last: { config: Config | null; limits: EncodingLimits } = { config: null, limits: DEFAULT_LIMITS };

export function encodingLimits(config: Config): EncodingLimits {
  return Object.fromEntries(NAMES.map((name) => [name, config.number(name)])) as unknown as EncodingLimits;
}

/** As `encodingLimits`, for writes: one object a server, which follows CONFIG SET. */
export function liveLimits(config: Config): EncodingLimits {
  if (last.config === config) return last.limits;
  let limits = LIVE.get(config);
  if (limits === undefined) {
    const followed = (limits = encodingLimits(config));
    config.onChange(NAMES, () => Object.assign(followed, encodingLimits(config)));
    LIVE.set(config, limits);
  }
  last.config = config;
  last.limits = limits;
  return limits;
}
