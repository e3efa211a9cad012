import type { Mapping } from "../mmap/mapping.ts";
import type { BuildProgress } from "./build.ts";
import type { Layer } from "./layer.ts";

export interface LayerOptions {
  /** Databases configured: a file that selects more is refused, as Redis does. */
  databases: number;
  /** One line for an operator: why an index is built, what was left out, what a damaged page led to. */
  log: (line: string) => void;
  /** Directory of the index where it is not the RDB's. */
  indexDir?: string;
  /** The RDB, mapped already (and guarded); the layer owns it from now on. */
  mapping?: Mapping;
  /** Called about ten times a second while an index is built. */
  onProgress?: (progress: BuildProgress) => void;
  /** Ends a build: open rejects with the signal's reason and removes its temporary file. */
  signal?: AbortSignal;
  allowRemote?: boolean;
}

export function openLayer(_path: string, _options: LayerOptions): Promise<Layer> {
  return Promise.reject(new Error("not written yet"));
}
