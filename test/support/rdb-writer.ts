/**
 * A small writer of RDB files for tests: the bytes of the format, straight (docs/formats/rdb.md). It writes what it is told,
 * also what no server would.
 */
import * as fs from "node:fs";
import { Crc64 } from "../../src/rdb/crc64.ts";
import { Opcode, RdbType } from "../../src/rdb/opcodes.ts";

const FLUSH_BYTES = 2 ** 20;

export class RdbWriter {
  readonly #crc = new Crc64();
  readonly #pieces: Uint8Array[] = [];
  readonly #fd: number;
  readonly #buffer = new Uint8Array(FLUSH_BYTES);
  #used = 0;
  #flushed = 0;

  /** @param path written to as it grows; without one, `finish` returns the bytes */
  constructor(path?: string, version = 11) {
    this.#fd = path === undefined ? -1 : fs.openSync(path, "w");
    this.raw(Buffer.from(`REDIS${String(version).padStart(4, "0")}`, "latin1"));
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#flushed + this.#used;
  }

  u8(value: number): this {
    if (this.#used === FLUSH_BYTES) this.#flush();
    this.#buffer[this.#used++] = value;
    return this;
  }

  raw(bytes: Uint8Array): this {
    if (bytes.length > FLUSH_BYTES - this.#used) this.#flush();
    if (bytes.length > FLUSH_BYTES) throw new RangeError(`${bytes.length} bytes in one piece`);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    return this;
  }

  length(value: number): this {
    if (value < 64) return this.u8(value);
    if (value < 16384) return this.u8(0x40 | (value >> 8)).u8(value & 0xff);
    return this.u8(0x80)
      .u8(value >>> 24)
      .u8((value >>> 16) & 0xff)
      .u8((value >>> 8) & 0xff)
      .u8(value & 0xff);
  }

  /** A string; text is taken as latin1. */
  string(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
    return this.length(bytes.length).raw(bytes);
  }

  aux(name: string, value: string): this {
    return this.u8(Opcode.AUX).string(name).string(value);
  }

  select(dbid: number): this {
    return this.u8(Opcode.SELECTDB).length(dbid);
  }

  resize(keys: number, expires: number): this {
    return this.u8(Opcode.RESIZEDB).length(keys).length(expires);
  }

  /** The expiry of the key that follows, milliseconds since 1970. */
  expireAt(ms: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(ms), true);
    return this.u8(Opcode.EXPIRETIME_MS).raw(bytes);
  }

  set(key: string | Uint8Array, value: string | Uint8Array, expireAtMs?: number): this {
    if (expireAtMs !== undefined) this.expireAt(expireAtMs);
    return this.u8(RdbType.STRING).string(key).string(value);
  }

  /** A set of plain strings; none is an empty collection. */
  sadd(key: string, members: readonly string[]): this {
    this.u8(RdbType.SET).string(key).length(members.length);
    for (const member of members) this.string(member);
    return this;
  }

  function(code: string): this {
    return this.u8(Opcode.FUNCTION2).string(code);
  }

  /** EOF, the CRC64, and `trailing` behind it. Returns the bytes (none when they went to a path). */
  finish(options: { trailing?: Uint8Array; checksum?: bigint | "none" } = {}): Uint8Array {
    this.u8(Opcode.EOF);
    this.#flush();
    if (options.checksum !== "none") {
      const crc = new Uint8Array(8);
      new DataView(crc.buffer).setBigUint64(0, options.checksum ?? this.#crc.toBigInt(), true);
      this.raw(crc);
    }
    if (options.trailing !== undefined) this.raw(options.trailing);
    this.#flush();
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    return Buffer.concat(this.#pieces);
  }

  #flush(): void {
    const piece = this.#buffer.subarray(0, this.#used);
    this.#crc.update(piece);
    if (this.#fd >= 0) fs.writeSync(this.#fd, piece);
    else this.#pieces.push(piece.slice());
    this.#flushed += this.#used;
    this.#used = 0;
  }
}
