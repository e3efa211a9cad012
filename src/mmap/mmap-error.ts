/**
 * What went wrong between Folio and the operating system, told for the person who runs it:
 * `code` for programs, `message` = path, what was found, what to do.
 */
export class MmapError extends Error {
  /** errno's name ("ENOENT", "EACCES", …) or Folio's own: "EMPTY", "NOT-A-FILE", "REMOTE", "LOCKED", "NO-ROOM", "CHANGED". */
  readonly code: string;
  readonly path: string;

  constructor(code: string, path: string, text: string) {
    super(`${path}: ${text}`);
    this.name = "MmapError";
    this.code = code;
    this.path = path;
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory. Check the path",
  ENOTDIR: "a part of the path is not a directory. Check the path",
  EACCES: "permission denied. Let the user that runs Folio read it (chmod, chown)",
  EPERM: "the operating system does not permit it. Check the user that runs Folio and the mount options",
  ELOOP: "too many symbolic links. Check where the link leads",
  EMFILE: "this process has too many files open. Raise its limit (ulimit -n)",
  ENFILE: "the whole machine has too many files open. Raise fs.file-max",
  ENOMEM: "no address space is left for a mapping of this size. Raise the limit (ulimit -v) or vm.max_map_count",
  ENODEV: "this file system cannot map files. Put the file on a local disk",
  EIO: "the disk failed to read it. Look at the kernel's log (dmesg)",
};

/** The error of a failed system call (`code` is errno's name) on `path`; `action` reads "cannot open", "cannot map". */
export function systemError(action: string, code: string, path: string): MmapError {
  return new MmapError(code, path, `${action}: ${ADVICE[code] ?? code}`);
}

/** The same from an exception of node:fs. */
export function fromNodeError(action: string, error: unknown, path: string): MmapError {
  const code = (error as { code?: unknown }).code;
  return systemError(action, typeof code === "string" ? code : String(error), path);
}
