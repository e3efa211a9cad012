/** A hash of byte runs for tables in memory (what lies in files has hashes of its own). */

/** 32 bits of bytes[start, start + length), four at a time with murmur3's mixing. Give each table a seed by chance. */
export function hashBytes(bytes: Uint8Array, start: number, length: number, seed: number): number {
  let code = seed;
  let at = start;
  const end = start + length;
  for (; at + 4 <= end; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    code = mix(code, word);
  }
  let tail = 0;
  for (; at < end; at++) tail = (tail << 8) | (bytes[at] as number);
  code = mix(code, tail) ^ length;
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b);
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35);
  return code ^ (code >>> 16);
}

function mix(code: number, word: number): number {
  const scaled = Math.imul(word, 0xcc9e2d51);
  const turned = Math.imul((scaled << 15) | (scaled >>> 17), 0x1b873593) ^ code;
  return (Math.imul((turned << 13) | (turned >>> 19), 5) + 0xe6546b64) | 0;
}

/** A seed that nobody outside can know. */
export function hashSeed(): number {
  return (Math.random() * 2 ** 32) | 0;
}
