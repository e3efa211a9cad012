/** What passes between the command thread and the Worker that saves. Plain objects: they are cloned. */
import type { DeadPicture } from "../layer/dead-bits.ts";
import type { HashSeed } from "../layer/format.ts";
import type { MappingHandle } from "../mmap/mapping.ts";
import type { OverlayHandle } from "../overlay/overlay.ts";

/** All that a save writes, frozen as long as it runs. */
export interface SaveRequest {
  /** The RDB file; a temporary one lies beside it until it is complete. */
  readonly path: string;
  readonly indexPath: string;
  /** In order of dbid. */
  readonly databases: readonly SavedDatabase[];
  readonly layer: SavedLayer | null;
  /** The hash seed of the keyspace: that of the layer's index, and of the index that is written. */
  readonly seed: HashSeed;
  readonly options: SaveOptions;
  /** One int32: not 0 once the save has been given up. */
  readonly stop: SharedArrayBuffer;
}

export interface SavedDatabase {
  /** The number that it is written with. */
  readonly dbid: number;
  readonly overlay: OverlayHandle | null;
  /** Its number in the layer; -1: none of the layer's keys are its own. */
  readonly layerDbid: number;
  /** Keys that have an expiry: a hint for whoever loads the file. */
  readonly expiringKeys: number;
}

export interface SavedLayer {
  readonly mapping: MappingHandle;
  readonly index: MappingHandle;
  /** How messages name the index. */
  readonly indexPath: string;
  /** By database of the layer. */
  readonly dead: readonly (DeadPicture | undefined)[];
}

export interface SaveOptions {
  /** RDB version: 9 to 12. */
  readonly rdbVersion: number;
  /** Write a higher version where a value needs it; else such a value makes the save fail. */
  readonly mayRaiseVersion: boolean;
  /** rdbcompression, rdbchecksum. */
  readonly compression: boolean;
  readonly checksum: boolean;
  /** What of the overlay's eviction clock goes along, as maxmemory-policy has it. */
  readonly access: "none" | "lru" | "lfu";
  /** The eviction clock at the freeze: seconds (lru) or minutes (lfu). */
  readonly clock: number;
  /** lfu-decay-time: minutes that take one from a counter; 0: none ever does. */
  readonly lfuDecayMinutes: number;
  /** rdb-key-save-delay: microseconds of pause for each key, so that tests have time. 0: none. */
  readonly keyDelayUs: number;
  /** For the AUX fields. */
  readonly redisVersion: string;
  readonly usedMemoryBytes: number;
  readonly nowMs: number;
}

/** What was written. Descriptors are closed but for indexFd. */
export interface SaveResult {
  /** Of the new file, now at its final path. */
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly inode: bigint;
  readonly device: bigint;
  readonly rdbVersion: number;
  readonly keys: number;
  /** Why there is no index, or none that can be kept; "" when it is at its path. */
  readonly indexProblem: string;
  /** Descriptor of an index that has no name, the receiver's to close; -1: none. */
  readonly indexFd: number;
  /** Lines for the log. */
  readonly notes: readonly string[];
}

/** A Worker's last message is one of the latter three. */
export type SaveMessage =
  | { readonly kind: "progress"; readonly keys: number }
  | { readonly kind: "done"; readonly result: SaveResult }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly code: string | undefined; readonly message: string };

/** The save was given up. */
export class SaveStopped extends Error {
  constructor() {
    super("the save was given up");
    this.name = "SaveStopped";
  }
}
