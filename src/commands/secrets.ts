/** Comparing secrets. */
import { createHash, timingSafeEqual } from "node:crypto";

/** Whether two binary strings are the same, in a time that tells nothing of where they differ. */
export function constantTimeEqual(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text, "latin1").digest();
}
