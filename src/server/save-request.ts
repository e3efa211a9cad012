/** What is frozen, as the Worker that saves it gets it: addresses and numbers. */
import type { FrozenState } from "../keyspace/saving.ts";
import type { HashSeed } from "../layer/format.ts";
import type { SaveOptions, SaveRequest } from "../save/request.ts";

export interface SavePlan {
  readonly path: string;
  readonly indexPath: string;
  readonly seed: HashSeed;
  readonly options: SaveOptions;
}

/** The request; `stop` is made new. What it names must stay as it is until the Worker has ended. */
export function saveRequest(frozen: FrozenState, { path, indexPath, seed, options }: SavePlan): SaveRequest {
  if (frozen.layers.length > 1) throw new RangeError(`${frozen.layers.length} layers to be saved`);
  const base = frozen.layers[0];
  return {
    path,
    indexPath,
    seed,
    options,
    databases: frozen.databases.map(({ dbid, overlay, layerDbid }) => ({
      dbid,
      overlay,
      layerDbid,
      expiringKeys: (overlay?.expiringKeys ?? 0) + (layerDbid < 0 ? 0 : (base?.layer.expiringKeys(layerDbid) ?? 0)),
    })),
    layer:
      base === undefined
        ? null
        : {
            mapping: base.layer.mapping.describe(),
            index: base.layer.indexMapping.describe(),
            indexPath: base.layer.facts().indexPath,
            dead: base.dead,
          },
    stop: new SharedArrayBuffer(4),
  };
}
