/** A stream as a whole. */
import { RdbType } from "../../rdb/opcodes.ts";
import type { NativeForm } from "./native.ts";

function absent(): never {
  throw new Error("streams are not written yet");
}

export const streamForm: NativeForm = {
  count: absent,
  bytes: absent,
  free: absent,
  copy: absent,
  rdbType: () => RdbType.STREAM_LISTPACKS_3,
  write: absent,
};
