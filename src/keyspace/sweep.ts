/** Removes what is left in the top overlays when a save has ended: tombstones, and entries that died while they were frozen. */
import { Span } from "../util/span.ts";
import type { Database } from "./database.ts";
import { eachSegment } from "./saving.ts";

const KEY = new Span();

export function* sweepGone(databases: readonly Database[]): Generator<void, void, void> {
  for (const database of databases.slice()) {
    const { top } = database;
    if (top === null || top.table.count === top.keys) continue;
    yield* eachSegment(top, (handle) => {
      if (database.top !== top || top.isAlive(handle)) return;
      top.readKey(handle, KEY);
      if (top.find(database.hash(KEY.bytes, KEY.start, KEY.length), KEY.bytes, KEY.start, KEY.length) === handle) {
        top.remove(handle);
      }
    });
  }
}
