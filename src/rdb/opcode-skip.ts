/**
 * Items that are no key: moving over their operands. The first byte (the opcode) has been read.
 *
 *   AUX             string name | string value
 *   SELECTDB        length database
 *   RESIZEDB        length keys | length keys with expiry
 *   SLOT_INFO       length slot | length keys | length keys with expiry
 *   SLOT_IMPORT     string job | length count | count × (length first slot | length last slot)
 *   FUNCTION2       string source code
 *   FUNCTION_PRE_GA string name | string engine | length has-description | [string description] | string source code
 *   MODULE_AUX      length module id | module fields … EOF
 *   IDLE            length seconds          FREQ           1 byte
 *   EXPIRETIME      4 bytes                 EXPIRETIME_MS  8 bytes
 */
import type { Cursor } from "../util/cursor.ts";
import { FormatError } from "../util/format-error.ts";
import { readCount, readLength, skipLength } from "./length.ts";
import { skipModuleAux } from "./module.ts";
import { Opcode } from "./opcodes.ts";
import { skipString } from "./string.ts";

/** Moves over the operands of `opcode`, the byte just read. Throws FormatError "bad-opcode" where it is none. */
export function skipOperands(cursor: Cursor, opcode: number): void {
  switch (opcode) {
    case Opcode.AUX:
      skipString(cursor);
      skipString(cursor);
      return;
    case Opcode.SELECTDB:
    case Opcode.IDLE:
      skipLength(cursor);
      return;
    case Opcode.RESIZEDB:
      skipLength(cursor);
      skipLength(cursor);
      return;
    case Opcode.SLOT_INFO:
      for (let i = 0; i < 3; i++) skipLength(cursor);
      return;
    case Opcode.SLOT_IMPORT:
      skipString(cursor);
      for (let ranges = readCount(cursor, 2); ranges > 0; ranges--) {
        skipLength(cursor);
        skipLength(cursor);
      }
      return;
    case Opcode.FUNCTION2:
      skipString(cursor);
      return;
    case Opcode.FUNCTION_PRE_GA:
      skipString(cursor);
      skipString(cursor);
      if (readLength(cursor) !== 0) skipString(cursor);
      skipString(cursor);
      return;
    case Opcode.MODULE_AUX:
      skipModuleAux(cursor);
      return;
    case Opcode.FREQ:
      cursor.skip(1);
      return;
    case Opcode.EXPIRETIME:
      cursor.skip(4);
      return;
    case Opcode.EXPIRETIME_MS:
      cursor.skip(8);
      return;
    default:
      throw badOpcode(cursor.offset - 1, opcode);
  }
}

/** A byte that is neither an opcode nor an object type of this file's version. */
export function badOpcode(offset: number, opcode: number): FormatError {
  return new FormatError("bad-opcode", offset, `byte ${opcode}`, "an RDB opcode or object type");
}
