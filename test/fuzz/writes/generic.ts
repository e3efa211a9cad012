/** Commands on keys of any type, and on databases. */
import { FAR_MS, type Family, type Words } from "./words.ts";

/** Relative times are never as near to another as both servers' clocks may be when they see a command. */
function expire(w: Words): string[] {
  const key = w.anyKey();
  const condition = w.maybe(0.4, ["NX"], ["XX"], ["NX", "GT"]);
  const compared = w.maybe(0.5, ["GT"], ["LT"], ["XX", "GT"], ["LT", "GT"], ["XX", "LT"], ["nope"]);
  return w.pick([
    ["EXPIRE", key, w.pick(["5000", "70000", "-1", "0", w.hostile()]), ...condition],
    ["PEXPIRE", key, w.pick(["9000000", "80000000", "-1", w.hostile()]), ...condition],
    ["EXPIREAT", key, w.pick([`${FAR_MS / 1000 + w.below(5)}`, "1", w.hostile()]), ...condition, ...compared],
    ["PEXPIREAT", key, w.pick([`${FAR_MS + w.below(5)}`, `${FAR_MS + w.below(5)}`, "5"]), ...condition, ...compared],
  ]);
}

function sort(w: Words): string[] {
  const key = w.key(w.pick(["l", "e", "z"]));
  const by = w.maybe(0.4, ["BY", "s*"], ["BY", "h*->m1"], ["BY", "nosort"], ["BY", "m*"]);
  const get = w.maybe(0.4, ["GET", "#"], ["GET", "s*"], ["GET", "#", "GET", "h*->m2"], ["GET", "nothing"]);
  const order = w.maybe(0.5, ["ASC"], ["DESC"], ["ALPHA"], ["ALPHA", "DESC"]);
  const store = w.maybe(0.6, ["STORE", w.key("l")]);
  const name = store.length === 0 ? w.pick(["SORT", "SORT_RO"]) : "SORT";
  return [name, key, ...by, ...w.limit(0.2), ...get, ...order, ...store];
}

export const GENERIC: Family = {
  name: "generic",
  pool: "s",
  makers: [
    [3, (w) => [w.pick(["DEL", "UNLINK"]), ...w.some(2, () => w.anyKey())]],
    [1, (w) => ["EXISTS", ...w.some(3, () => w.anyKey())]],
    [1, (w) => ["TOUCH", ...w.some(3, () => w.anyKey())]],
    [1, (w) => ["TYPE", w.anyKey()]],
    [4, expire],
    [1, (w) => ["PERSIST", w.anyKey()]],
    [1, (w) => [w.pick(["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), w.anyKey()]],
    [3, (w) => ["RENAME", w.anyKey(), w.anyKey()]],
    [1, (w) => ["RENAMENX", w.anyKey(), w.anyKey()]],
    [4, (w) => ["COPY", w.anyKey(), w.anyKey(), ...w.maybe(0.7, ["REPLACE"], ["DB", "1"], ["DB", "1", "REPLACE"])]],
    [1, (w) => ["MOVE", w.anyKey(), "1"]],
    [0.1, () => ["SWAPDB", "0", "1"]],
    [0.05, (w) => ["FLUSHDB", ...w.maybe(0.5, ["ASYNC"], ["SYNC"])]],
    [3, sort],
    [1, (w) => ["OBJECT", w.pick(["REFCOUNT", "FREQ", "nope"]), w.anyKey()]],
    [1, () => ["RANDOMKEY"]],
    [1, (w) => ["KEYS", w.pick(["*", "s*", "[hl]?", "?1", "\\*"])]],
    [1, (w) => ["MEMORY", "USAGE", w.anyKey()]],
    // A step of its own: what DUMP answers on each side is restored there.
    [2, (w) => ["@restore", w.anyKey(), w.anyKey()]],
  ],
};
