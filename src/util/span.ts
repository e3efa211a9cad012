/**
 * A mutable reference to bytes that lie somewhere else: `length` bytes of `bytes` from `start`.
 * One Span object is set again and again, so that walking a million elements allocates nothing.
 * The bytes are valid as long as their owner says (a mapping: while it is open; scratch: until the owner's next step).
 */
export class Span {
  bytes: Uint8Array = EMPTY_BYTES;
  start = 0;
  length = 0;

  set(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.start = start;
    this.length = length;
  }

  equals(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.length !== length) return false;
    const mine = this.bytes;
    let at = this.start;
    let i = start;
    const end = start + length;
    // Four at a time, one branch each: nearly twice as fast as byte by byte for a key of 16 bytes.
    for (const fours = end - 3; i < fours; i += 4, at += 4) {
      const difference =
        ((bytes[i] as number) ^ (mine[at] as number)) |
        ((bytes[i + 1] as number) ^ (mine[at + 1] as number)) |
        ((bytes[i + 2] as number) ^ (mine[at + 2] as number)) |
        ((bytes[i + 3] as number) ^ (mine[at + 3] as number));
      if (difference !== 0) return false;
    }
    for (; i < end; i++) if (bytes[i] !== mine[at++]) return false;
    return true;
  }

  equalsSpan(other: Span): boolean {
    return this.equals(other.bytes, other.start, other.length);
  }

  /** <0, 0, >0 as memcmp orders, the shorter first where one is the other's prefix. */
  compare(bytes: Uint8Array, start: number, length: number): number {
    const mine = this.bytes;
    const shared = Math.min(this.length, length);
    for (let i = 0; i < shared; i++) {
      const difference = (mine[this.start + i] as number) - (bytes[start + i] as number);
      if (difference !== 0) return difference;
    }
    return this.length - length;
  }

  /** A private copy of the bytes (cold path). */
  copy(): Uint8Array {
    // Not slice(): a Buffer's shares its memory.
    return new Uint8Array(this.bytes.subarray(this.start, this.start + this.length));
  }

  /** The bytes as a binary string: one latin1 character a byte (cold path). */
  text(): string {
    return binaryText(this.bytes, this.start, this.length);
  }
}

export const EMPTY_BYTES = new Uint8Array(0);

const bufferToString = Buffer.prototype.toString;

/** `length` bytes as a binary string: one latin1 character a byte. Does not touch `.buffer`, which moves small arrays. */
export function binaryText(bytes: Uint8Array, start = 0, length = bytes.length - start): string {
  return bufferToString.call(bytes, "latin1", start, start + length);
}

/** The bytes of a binary string. */
export function binaryBytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
