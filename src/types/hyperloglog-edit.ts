/**
 * Changing HyperLogLogs, byte for byte as Redis 7.2 changes them (the bytes: hyperloglog.ts). An element raises one register
 * to the length of the run of zeros that its hash has there: MurmurHash2 in 64 bits, by Austin Appleby (public domain).
 */
import { DENSE_BYTES, ENCODING_AT, HEADER_BYTES, REGISTER_BITS, REGISTERS } from "./hyperloglog.ts";

const DENSE = 0;
const SPARSE = 1;
const INDEX_BITS = 14;
/** Bits of the hash that are left to count zeros in. */
const COUNTED_BITS = 64 - INDEX_BITS;
/** The byte of the header whose top bit says that the cached estimate is not valid. */
const CACHE_AT = 15;
const NOT_VALID = 0x80;

const MULTIPLIER_HIGH = 0xc6a4a793 | 0;
const MULTIPLIER_LOW = 0x5bd1e995;
const SEED = 0xadc83b19 | 0;

/** The hash being made. */
const HASH = { high: 0, low: 0 };

/** What `hashElement` found: the register of an element, and the level it raises it to. */
export const ELEMENT = { register: 0, level: 0 };

/** Hashes an element into ELEMENT. */
export function hashElement(bytes: Uint8Array, start: number, length: number): void {
  multiply(0, length);
  let high = HASH.high;
  let low = HASH.low ^ SEED;
  let at = start;
  for (const eights = start + (length & ~7); at < eights; at += 8) {
    multiply(word(bytes, at + 4), word(bytes, at));
    multiply(HASH.high, HASH.low ^ (HASH.high >>> 15));
    multiply(high ^ HASH.high, low ^ HASH.low);
    ({ high, low } = HASH);
  }
  const rest = length & 7;
  if (rest !== 0) {
    for (let i = 0; i < rest; i++) {
      const byte = bytes[at + i] as number;
      if (i < 4) low ^= byte << (i * 8);
      else high ^= byte << (i * 8 - 32);
    }
    multiply(high, low);
    ({ high, low } = HASH);
  }
  multiply(high, low ^ (high >>> 15));
  high = HASH.high;
  low = HASH.low ^ (high >>> 15);
  ELEMENT.register = low & (REGISTERS - 1);
  const counted = low >>> INDEX_BITS;
  if (counted !== 0) ELEMENT.level = trailingZeros(counted) + 1;
  else if (high !== 0) ELEMENT.level = 32 - INDEX_BITS + trailingZeros(high) + 1;
  else ELEMENT.level = COUNTED_BITS + 1;
}

/** HASH = (high, low) × the multiplier, 64 bits of it. */
function multiply(high: number, low: number): void {
  const a = low >>> 16;
  const b = low & 0xffff;
  const c = MULTIPLIER_LOW >>> 16;
  const d = MULTIPLIER_LOW & 0xffff;
  const middle = a * d + ((b * d) >>> 16);
  const upper = a * c + Math.floor(middle / 65536) + Math.floor((b * c + (middle & 0xffff)) / 65536);
  HASH.high = (upper + Math.imul(low, MULTIPLIER_HIGH) + Math.imul(high, MULTIPLIER_LOW)) | 0;
  HASH.low = Math.imul(low, MULTIPLIER_LOW);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The level of a register of the dense HyperLogLog at bytes[start …]. */
export function denseLevel(bytes: Uint8Array, start: number, register: number): number {
  const bit = register * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >> 3);
  const shift = bit & 7;
  // The last register ends with the last byte.
  const next = shift > 2 ? (bytes[at + 1] as number) : 0;
  return (((bytes[at] as number) | (next << 8)) >> shift) & 63;
}

/** Sets a register of the dense HyperLogLog at bytes[start …]. */
export function setDenseLevel(bytes: Uint8Array, start: number, register: number, level: number): void {
  const bit = register * REGISTER_BITS;
  const at = start + HEADER_BYTES + (bit >> 3);
  const shift = bit & 7;
  bytes[at] = ((bytes[at] as number) & ~(63 << shift)) | (level << shift);
  if (shift > 2) bytes[at + 1] = ((bytes[at + 1] as number) & ~(63 >> (8 - shift))) | (level >> (8 - shift));
}

/** Says of the HyperLogLog at bytes[start …] that its cached estimate is not valid. */
export function forgetEstimate(bytes: Uint8Array, start: number): void {
  bytes[start + CACHE_AT] = (bytes[start + CACHE_AT] as number) | NOT_VALID;
}

const ZERO_RUN_MAX = 64;
const LEVEL_RUN_MAX = 4;
const SPARSE_LEVEL_MAX = 32;
const TWO_BYTES = 0x40;
const LEVEL = 0x80;
/** After a change so many opcodes are looked at for neighbours that can be one. */
const MERGED_OPCODES = 5;

/** Memory that a long (and so a damaged) one took is given back with the next one. */
const KEPT_BYTES_MAX = 64 * 1024;
const DENSE_COPY = new Uint8Array(DENSE_BYTES);

/** A HyperLogLog in memory of its own, for changes that may need more room than it has. */
export class HyperLogLogEditor {
  /** The HyperLogLog: `length` bytes. */
  bytes = new Uint8Array(DENSE_BYTES + 8);
  length = 0;
  /** What a change puts in the place of an opcode. */
  readonly #sequence = new Uint8Array(8);
  #sequenceLength = 0;

  /** Becomes an empty one. */
  clear(): void {
    this.bytes.fill(0, 0, HEADER_BYTES);
    for (let i = 0; i < 4; i++) this.bytes[i] = "HYLL".charCodeAt(i);
    this.bytes[ENCODING_AT] = SPARSE;
    this.#sequenceLength = 0;
    this.#putZeros(REGISTERS);
    this.bytes.set(this.#sequence.subarray(0, 2), HEADER_BYTES);
    this.length = HEADER_BYTES + 2;
  }

  /** Becomes a copy of the HyperLogLog at bytes[start, + length). */
  load(bytes: Uint8Array, start: number, length: number): void {
    const held = this.bytes.length;
    if (length + 8 > held || held > KEPT_BYTES_MAX) this.bytes = new Uint8Array(Math.max(length, DENSE_BYTES) + 8);
    this.bytes.set(bytes.subarray(start, start + length));
    // As the NUL behind a string of Redis: a damaged HyperLogLog may be read one byte too far.
    this.bytes[length] = 0;
    this.length = length;
  }

  get isSparse(): boolean {
    return this.bytes[ENCODING_AT] === SPARSE;
  }

  /** Raises a register to a level: 1 when it was lower, 0 when not, -1 when the HyperLogLog is damaged. */
  raise(register: number, level: number, sparseBytesMax: number): number {
    if (this.isSparse) return this.#raiseSparse(register, level, sparseBytesMax);
    if (denseLevel(this.bytes, 0, register) >= level) return 0;
    setDenseLevel(this.bytes, 0, register, level);
    return 1;
  }

  /** Becomes dense; false, unchanged, when it is damaged. */
  toDense(): boolean {
    if (!this.isSparse) return true;
    const dense = DENSE_COPY;
    dense.fill(0);
    dense.set(this.bytes.subarray(0, HEADER_BYTES));
    dense[ENCODING_AT] = DENSE;
    let register = 0;
    for (let at = HEADER_BYTES; at < this.length; at += this.#opcodeBytes(at)) {
      const run = this.#run(at);
      const code = this.bytes[at] as number;
      if (code >= LEVEL) {
        if (register + run > REGISTERS) return false;
        for (let i = 0; i < run; i++) setDenseLevel(dense, 0, register + i, levelOf(code));
      }
      register += run;
    }
    if (register !== REGISTERS) return false;
    this.bytes.set(dense);
    this.length = DENSE_BYTES;
    return true;
  }

  /** The opcodes of a sparse one, as PFDEBUG DECODE shows them. */
  decode(): string {
    const words: string[] = [];
    for (let at = HEADER_BYTES; at < this.length; at += this.#opcodeBytes(at)) {
      const code = this.bytes[at] as number;
      const run = this.#run(at);
      words.push(code >= LEVEL ? `v:${levelOf(code)},${run}` : code >= TWO_BYTES ? `Z:${run}` : `z:${run}`);
    }
    return words.join(" ");
  }

  #raiseSparse(register: number, level: number, sparseBytesMax: number): number {
    if (level > SPARSE_LEVEL_MAX) return this.#raiseDense(register, level);
    const { bytes } = this;
    let at = HEADER_BYTES;
    let previous = HEADER_BYTES;
    let first = 0;
    let run = 0;
    while (at < this.length) {
      run = this.#run(at);
      if (register < first + run) break;
      previous = at;
      first += run;
      at += this.#opcodeBytes(at);
    }
    if (run === 0 || at >= this.length) return -1;
    const code = bytes[at] as number;
    const old = code >= LEVEL ? levelOf(code) : 0;
    if (old >= level) return 0;
    this.#sequenceLength = 0;
    this.#putRun(old, register - first);
    this.#putRun(level, 1);
    this.#putRun(old, first + run - 1 - register);
    const replaced = this.#opcodeBytes(at);
    const growth = this.#sequenceLength - replaced;
    if (growth > 0 && this.length + growth > sparseBytesMax) return this.#raiseDense(register, level);
    bytes.copyWithin(at + replaced + growth, at + replaced, this.length + 1);
    for (let i = 0; i < this.#sequenceLength; i++) bytes[at + i] = this.#sequence[i] as number;
    this.length += growth;
    this.#mergeNeighbours(previous);
    forgetEstimate(bytes, 0);
    return 1;
  }

  #raiseDense(register: number, level: number): number {
    if (!this.toDense()) return -1;
    setDenseLevel(this.bytes, 0, register, level);
    return 1;
  }

  /** Makes one of neighbouring runs of the same level, where it is not too long. */
  #mergeNeighbours(from: number): void {
    const { bytes } = this;
    let at = from;
    for (let i = 0; i < MERGED_OPCODES && at < this.length; i++) {
      const code = bytes[at] as number;
      const next = at + 1 < this.length ? (bytes[at + 1] as number) : 0;
      if (code >= LEVEL && next >= LEVEL && levelOf(code) === levelOf(next)) {
        const run = (code & 3) + (next & 3) + 2;
        if (run <= LEVEL_RUN_MAX) {
          bytes[at + 1] = (code & ~3) | (run - 1);
          bytes.copyWithin(at, at + 1, this.length + 1);
          this.length--;
          continue;
        }
      }
      at += this.#opcodeBytes(at);
    }
  }

  #opcodeBytes(at: number): number {
    const code = this.bytes[at] as number;
    return code >= TWO_BYTES && code < LEVEL ? 2 : 1;
  }

  /** Registers that the opcode stands for. */
  #run(at: number): number {
    const code = this.bytes[at] as number;
    if (code >= LEVEL) return (code & 3) + 1;
    if (code >= TWO_BYTES) return (((code & 63) << 8) | (this.bytes[at + 1] as number)) + 1;
    return code + 1;
  }

  #putRun(level: number, run: number): void {
    if (run === 0) return;
    if (level === 0) this.#putZeros(run);
    else this.#sequence[this.#sequenceLength++] = LEVEL | ((level - 1) << 2) | (run - 1);
  }

  #putZeros(run: number): void {
    if (run > ZERO_RUN_MAX) this.#sequence[this.#sequenceLength++] = TWO_BYTES | ((run - 1) >> 8);
    this.#sequence[this.#sequenceLength++] = (run - 1) & 0xff;
  }
}

function levelOf(code: number): number {
  return ((code >> 2) & 31) + 1;
}
