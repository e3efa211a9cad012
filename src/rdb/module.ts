/**
 * Values of modules. Folio runs no modules; it knows the framing, so that the other keys of the file are served.
 *
 *   MODULE_2 value   length module id | fields | EOF
 *   field            length tag | SINT, UINT: length   FLOAT: 4 bytes   DOUBLE: 8 bytes   STRING: string
 *   module id        54 bits: nine characters of six bits, high first | 10 bits: version of the encoding
 *
 * MODULE (pre-release of Redis 4) has no tags: where such a value ends only its module knows, so nothing behind it
 * can be found; Redis refuses such files too.
 */
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { readLength, readLength64, skipLength } from "./length.ts";
import { ModuleOpcode, RdbType } from "./opcodes.ts";
import type { Record } from "./record.ts";
import { skipString } from "./string.ts";

const NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NAME_LENGTH = 9;
const NAME_SHIFT = 10n;

/** The nine-character type name in a module id: 'ReJSON-RL'. */
export function moduleTypeName(id: bigint): string {
  let name = "";
  let rest = id >> NAME_SHIFT;
  for (let i = 0; i < NAME_LENGTH; i++) {
    name = (NAME_CHARACTERS[Number(rest & 63n)] as string) + name;
    rest >>= 6n;
  }
  return name;
}

/** The type name of a module key; moves the record's cursor. Cold path. */
export function moduleName(record: Record): string {
  if (record.type !== RdbType.MODULE_2) throw new RangeError("not a module value");
  record.seekValue();
  return moduleTypeName(readLength64(record.cursor));
}

/** Moves over the value of a MODULE_2 key. Throws FormatError "bad-module". */
export function skipModuleValue(cursor: Cursor): void {
  skipLength(cursor);
  skipModuleFields(cursor);
}

/** Moves over MODULE_AUX's operands: the id, then `when` as the first field, then the module's fields. */
export function skipModuleAux(cursor: Cursor): void {
  skipLength(cursor);
  skipModuleFields(cursor);
}

/** The error for a value of MODULE (pre-release): nothing behind it can be found. */
export function modulePreGa(offset: number): FormatError {
  const found = "a module value in the format of the Redis 4.0 release candidates, whose end only its module knows";
  return new FormatError("module-pre-ga", offset, found, "a module value written by Redis 4.0 or later");
}

function skipModuleFields(cursor: Cursor): void {
  for (;;) {
    const offset = cursor.offset;
    switch (readLength(cursor)) {
      case ModuleOpcode.EOF:
        return;
      case ModuleOpcode.SINT:
      case ModuleOpcode.UINT:
        skipLength(cursor);
        break;
      case ModuleOpcode.FLOAT:
        cursor.skip(4);
        break;
      case ModuleOpcode.DOUBLE:
        cursor.skip(8);
        break;
      case ModuleOpcode.STRING:
        skipString(cursor);
        break;
      default:
        throw new FormatError("bad-module", offset, "an unknown tag in a module's value", "a tag from 0 to 5");
    }
  }
}
