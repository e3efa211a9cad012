/** Commands that wait for something that the server does in its own time. */
import type { Context } from "./context.ts";

/** Waits for a promise that does not reject, others being served meanwhile; what it resolves to. */
export function* awaited<T>({ client }: Context, promise: Promise<T>): Generator<void, T, void> {
  let outcome: { readonly value: T } | undefined;
  void promise.then((value) => {
    outcome = { value };
    client.wakeAtMs = 0;
    client.wake?.();
  });
  for (;;) {
    if (outcome !== undefined) break;
    client.wakeAtMs = Number.POSITIVE_INFINITY;
    yield;
    // CLIENT UNBLOCK does not end a save.
    client.unblocked = "";
  }
  client.wakeAtMs = 0;
  return outcome.value;
}
