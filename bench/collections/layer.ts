/** Table (d): reads by key of collections that lie in the file, beside the same ones in the overlay. */
import { printTable, ratio } from "../support/table.ts";
import { TimedClient, type Times } from "./client.ts";
import { type Command, field, fill, HASH, member, SET, startFolio, withFolder, ZSET } from "./data.ts";

const MEMBERS = 100_000;
const COLLECTIONS = [
  ["hash", HASH],
  ["set", SET],
  ["zset", ZSET],
] as const;
const anywhere = (i: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 0) % MEMBERS;
const READS: readonly (readonly [name: string, make: (i: number) => Command])[] = [
  ["HGET", (i) => ["HGET", "hash", field(anywhere(i))]],
  ["HMGET of 3", (i) => ["HMGET", "hash", ...[0, 1, 2].map((j) => field(anywhere(i + j)))]],
  ["SISMEMBER", (i) => ["SISMEMBER", "set", member(anywhere(i))]],
  ["ZSCORE", (i) => ["ZSCORE", "zset", member(anywhere(i))]],
  ["ZRANK", (i) => ["ZRANK", "zset", member(anywhere(i))]],
];

interface Reads {
  readonly first: Times;
  readonly later: Times;
}

export async function layerTable(count: number): Promise<void> {
  await withFolder(async (folder) => {
    let folio = await startFolio(folder);
    const filling = await folio.connect();
    for (const [key, collection] of COLLECTIONS) {
      if (!(await fill(filling, collection, key, MEMBERS))) console.log(`${collection.name}: missing`);
    }
    const readAll = async (): Promise<(Reads | null)[]> => {
      const client = await TimedClient.connect(folio);
      const all: (Reads | null)[] = [];
      for (const [, make] of READS) {
        const first = await client.time(1, () => make(7));
        const warm = await client.time(count, make);
        const later = await client.time(count, (i) => make(count + i));
        all.push(first && warm && later && { first, later });
      }
      client.close();
      return all;
    };
    const overlay = await readAll();
    await filling.command("SAVE");
    filling.close();
    await folio.stop();
    folio = await startFolio(folder);
    const layer = await readAll();
    await folio.stop("SIGKILL");
    printTable(
      `Reads by key of ${MEMBERS} members, Folio, µs: in the overlay and in the file (floor of the ratios 3)`,
      ["", "overlay", "file, first", "later", "ratio", "overlay CPU", "later CPU", "ratio"],
      READS.map(([name], i) => {
        const [above, below] = [overlay[i], layer[i]];
        if (!above || !below) return [name, "missing"];
        return [
          name,
          above.later.medianUs.toFixed(1),
          below.first.medianUs.toFixed(0),
          below.later.medianUs.toFixed(1),
          ratio(below.later.medianUs / above.later.medianUs),
          above.later.cpuUs.toFixed(1),
          below.later.cpuUs.toFixed(1),
          ratio(below.later.cpuUs / above.later.cpuUs),
        ];
      }),
    );
  });
}
