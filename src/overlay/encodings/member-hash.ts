/**
 * The hash of a member, a field: what member tables are ordered by. Its seed is this process's: structures do not outlive it, and nobody
 * outside can choose members that collide.
 */
import { hashed, hashKey, randomSeed } from "../../util/key-hash.ts";

const SEED = randomSeed();

/** As an int32. */
export function memberHash(bytes: Uint8Array, start: number, length: number): number {
  hashKey(SEED, bytes, start, length);
  return hashed.h0;
}
