/** Which values may be written as they lie, and how the others are: the RDB version of the file, and what raises it. */
import { isExpressible, type ValueConverter } from "../rdb/convert.ts";
import { dumpVersion } from "../rdb/dump.ts";
import { NotExpressible } from "../rdb/not-expressible.ts";
import { RDB_VERSION_MAX, VALKEY_TYPE_BASE } from "../rdb/opcodes.ts";
import { writeValue } from "../rdb/value-writer.ts";
import type { RdbWriter } from "../rdb/writer.ts";
import type { Cursor } from "../util/cursor.ts";
import { binaryText } from "../util/span.ts";
import type { SaveOptions } from "./request.ts";

const KEY_SHOWN_MAX = 64;

/** The highest version that the options allow. */
export function versionLimit({ rdbVersion, mayRaiseVersion }: SaveOptions): number {
  return mayRaiseVersion ? RDB_VERSION_MAX : rdbVersion;
}

export class Types {
  /** The version that the file needs so far. */
  version: number;
  readonly #writer: RdbWriter;
  readonly #converter: ValueConverter;
  readonly #limit: number;
  /** By type: 1 where it may be written as it is without raising the version. */
  readonly #plain = new Uint8Array(VALKEY_TYPE_BASE);

  constructor(writer: RdbWriter, converter: ValueConverter, options: SaveOptions) {
    this.#writer = writer;
    this.#converter = converter;
    this.version = options.rdbVersion;
    this.#limit = versionLimit(options);
    for (let type = 0; type < VALKEY_TYPE_BASE; type++) this.#plain[type] = isExpressible(type, this.version) ? 1 : 0;
  }

  /** Whether a value of this type (a number of RdbType) may be written as it lies. */
  isPlain(type: number): boolean {
    return type < VALKEY_TYPE_BASE && this.#plain[type] === 1;
  }

  /** Whether it may, if the file's version is raised; it is then. */
  admit(type: number): boolean {
    if (this.isPlain(type)) return true;
    if (type >= VALKEY_TYPE_BASE || !isExpressible(type, this.#limit)) return false;
    this.#raise(type);
    return true;
  }

  /** Writes type, key and the value at the cursor, in an older form where the version asks for it. Throws NotExpressible, FormatError. */
  write(cursor: Cursor, type: number, key: Uint8Array, start: number, length: number, dbid: number): void {
    const writer = this.#writer;
    if (this.admit(type)) {
      writer.key(type, key, start, length);
      writeValue(writer, cursor, type);
      return;
    }
    try {
      const target = this.#converter.target(cursor, type);
      if (target < VALKEY_TYPE_BASE && !this.isPlain(target)) this.#raise(target);
      writer.key(target, key, start, length);
      this.#converter.write(cursor, type, target);
    } catch (error) {
      if (!(error instanceof NotExpressible)) throw error;
      const text = binaryText(key, start, Math.min(length, KEY_SHOWN_MAX));
      const shown = JSON.stringify(length > KEY_SHOWN_MAX ? `${text}…` : text);
      throw new NotExpressible(`key ${shown} in database ${dbid} is ${error.message}`);
    }
  }

  #raise(type: number): void {
    this.version = Math.max(this.version, dumpVersion(type));
    for (let other = 0; other < VALKEY_TYPE_BASE; other++) {
      this.#plain[other] = isExpressible(other, this.version) ? 1 : 0;
    }
  }
}
