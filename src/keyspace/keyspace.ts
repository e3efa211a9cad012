/**
 * All databases of the server over one stack of layers (today one layer, or none: an empty server).
 */
import type { Layer } from "../layer/layer.ts";
import { FormatError } from "../util/format-error.ts";
import { Database } from "./database.ts";

export class Keyspace {
  readonly databases: readonly Database[];

  /**
   * @param layers newest first; the keyspace does not close them
   * @param count the `databases` directive
   * Throws FormatError "too-many-databases" when a layer selects a database that is not configured, as Redis does.
   */
  constructor(layers: readonly Layer[], count: number) {
    for (const layer of layers) {
      const last = layer.databases.at(-1);
      if (last !== undefined && last.dbid >= count) {
        throw new FormatError(
          "too-many-databases",
          0,
          `database ${last.dbid} in ${layer.path}`,
          `at most ${count} databases; raise "databases" in the configuration to ${last.dbid + 1} or more`,
        );
      }
    }
    this.databases = Array.from({ length: count }, (_, dbid) => new Database(dbid, layers));
  }

  get count(): number {
    return this.databases.length;
  }

  /** Throws RangeError for a dbid outside [0, count): the caller has checked it. */
  database(dbid: number): Database {
    const database = this.databases[dbid];
    if (database === undefined) throw new RangeError(`database ${dbid} of ${this.count}`);
    return database;
  }
}
