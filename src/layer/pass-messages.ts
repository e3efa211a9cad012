/** What passes between the thread that builds an index and its Workers. Plain objects: they are cloned. */
import type { MappingHandle } from "../mmap/mapping.ts";
import type { Crc64Value } from "../rdb/crc64.ts";
import { FormatError } from "../util/format-error.ts";
import type { ChecksumRequest } from "./checksum-pass.ts";
import type { ScanRequest, ScanResult } from "./scan-pass.ts";

export type Job =
  | { readonly kind: "scan"; readonly request: ScanRequest }
  | { readonly kind: "checksum"; readonly request: ChecksumRequest }
  | { readonly kind: "crc64"; readonly end: number };

export interface Order {
  readonly job: Job;
  readonly mapping: MappingHandle;
  /** One int32: not 0 once the build has been given up. */
  readonly stop: SharedArrayBuffer;
}

/** A Worker's last message is one of the latter three. */
export type Message =
  | { readonly kind: "progress"; readonly bytes: number; readonly keys: number }
  | { readonly kind: "done"; readonly result: ScanResult | Crc64Value }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly error: PostedError };

/** An error as it is posted: a clone would lose the class and its fields. */
export type PostedError =
  | {
      readonly format: true;
      readonly code: string;
      readonly offset: number;
      readonly found: string;
      readonly expected: string;
    }
  | { readonly format: false; readonly code: string | undefined; readonly message: string };

export function postedError(error: unknown): PostedError {
  if (error instanceof FormatError) {
    const { code, offset, found, expected } = error;
    return { format: true, code, offset, found, expected };
  }
  const { code, message, stack } = error as NodeJS.ErrnoException;
  // An error of the system speaks for itself; anything else is a mistake of ours and keeps its trace.
  return { format: false, code, message: code === undefined ? (stack ?? message) : message };
}

export function revivedError(posted: PostedError): Error {
  if (posted.format) return new FormatError(posted.code, posted.offset, posted.found, posted.expected);
  return Object.assign(new Error(posted.message), posted.code === undefined ? {} : { code: posted.code });
}
