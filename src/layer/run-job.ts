/** One pass of a build, in whatever thread this is. */
import type { Mapping } from "../mmap/mapping.ts";
import type { Crc64Value } from "../rdb/crc64.ts";
import { checksumPass, crc64Of } from "./checksum-pass.ts";
import type { PassControl } from "./pass.ts";
import type { Job } from "./pass-messages.ts";
import { type ScanResult, scanPass } from "./scan-pass.ts";

/** Throws FormatError, PassStopped, node:fs errors. */
export function runJob(job: Job, mapping: Mapping, control: PassControl): ScanResult | Crc64Value {
  switch (job.kind) {
    case "scan":
      return scanPass(mapping, job.request, control);
    case "checksum":
      return checksumPass(mapping, job.request, control);
    case "crc64":
      return crc64Of(mapping, job.end, control);
  }
}
