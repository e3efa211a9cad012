/** A large set as a whole: a member table of members (member-table.ts, member.ts). */

import { RdbType } from "../../rdb/opcodes.ts";
import { bytesOf, placeOf } from "./blocks.ts";
import { copyWhole, freeWhole } from "./hash-form.ts";
import { MemberTable } from "./member-table.ts";
import { eachMember, tableBytes, writeStored } from "./member-walk.ts";
import type { NativeForm } from "./native.ts";

export const setForm: NativeForm = {
  count: (blocks, root) => new MemberTable().bind(blocks, root).count,
  bytes: tableBytes,
  free: freeWhole,
  copy: copyWhole,
  rdbType: () => RdbType.SET,
  *write(sink, blocks, root) {
    sink.length(new MemberTable().bind(blocks, root).count);
    yield* eachMember(blocks, root, (handle) => {
      writeStored(sink, bytesOf(blocks, handle), placeOf(handle));
    });
  },
};
