/**
 * The end of a layer that a save has replaced: it is closed (unmapped, its file's space given back) when nobody reads it any more.
 *
 *   re-base ─► commands in slices that were under way have ended ─► no output that waits lies in its mapping ─► closed
 *              (overlay/pins.ts; slices.ts bounds how long)          (after a while it is copied)
 *
 * Frozen overlays need only the first of these, since replies never refer to an overlay: Keyspace.tick unmaps them.
 */
import type { Clients } from "../commands/client.ts";
import type { Pins } from "../overlay/pins.ts";

export interface Reading {
  readonly pins: Pins;
  readonly clients: Clients;
}

/** What is retired: a Layer, or what has one. */
export interface Retiring {
  /** The arrays that replies may refer to. */
  readonly windows: readonly Uint8Array[];
  close(): Promise<void> | void;
}

/** So long clients may take to read what lies in the mapping before it is copied for them, as Redis would hold it. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;

/**
 * Closes the layer when no reader is left; resolves when it is closed. Call it when no command that begins from now on can find the
 * layer (after Keyspace.rebase). Rejects with what `close` throws.
 */
export async function retireLayer(layer: Retiring, reading: Reading, patienceMs = PATIENCE_MS): Promise<void> {
  const { windows } = layer;
  await whenUnpinned(reading.pins);
  const connections = () => [...reading.clients.byId.values()].map((client) => client.connection);
  const deadlineMs = performance.now() + patienceMs;
  while (performance.now() < deadlineMs && connections().some((connection) => connection.refersTo(windows))) {
    await Bun.sleep(LOOK_MS);
  }
  // Between two events: no batch of requests is being answered, and none that comes can refer to it.
  for (const connection of connections()) connection.detach(windows);
  await layer.close();
}

/** Resolves when the commands in slices that are under way now have ended, or have let go of what they saw. */
export async function whenUnpinned(pins: Pins): Promise<void> {
  const { epoch } = pins;
  pins.waiters++;
  try {
    while (!pins.isPast(epoch)) await Bun.sleep(LOOK_MS);
  } finally {
    pins.waiters--;
  }
}
