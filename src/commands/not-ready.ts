/**
 * Thrown by a quick handler's reader in place of an answer that would hold all clients up: dispatch does `work` in slices,
 * then runs the handler again from its start. Only before anything has been replied, and where the answer comes quickly
 * once the work is done.
 */
import type { Context } from "./context.ts";

export class NotReady extends Error {
  readonly work: Generator<void, void, void>;

  constructor(work: Generator<void, void, void>) {
    super("not ready");
    this.work = work;
  }
}

/** Opens something between two slices, when nothing has been changed or replied: what holds that up is done first. */
export function* whenReady<T>(c: Context, open: () => T): Generator<void, T, void> {
  for (;;) {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      c.natives.forget();
      yield* error.work;
    }
  }
}
