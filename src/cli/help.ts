/**
 * What `folio --help` and `folio --version` print. Loaded only when asked for.
 */
import { FOLIO_VERSION, REDIS_VERSION } from "../server/version.ts";

export const HELP = `Folio serves a Redis snapshot (dump.rdb) straight from the file: it is mapped, not loaded.

Usage: folio [redis.conf] [dump.rdb] [--directive value …] [-]
       folio --help | --version

  folio dump.rdb                         serve this snapshot on port 6379
  folio dump.rdb --port 6380             any directive of redis.conf can be an option
  folio --dir /data --dbfilename a.rdb   the same by name; an empty dataset when the file is not there
  folio /etc/redis/redis.conf            Redis's configuration file as it is
  echo 'port 7000' | folio dump.rdb -    further configuration lines from standard input

Folio's own directives:
  mmap-safety lease|copy     lease (default): map the file itself, and step aside when another process writes to it;
                             copy: map a private copy of it
  index-dir <directory>      where the index of the snapshot is kept (default: beside it, as <name>.idx)
  allow-remote-fs yes|no     serve from NFS, CIFS and the like (default no)

See README.md and docs/operations.md.`;

export const VERSION_LINE = `Folio v=${FOLIO_VERSION} redis=${REDIS_VERSION} bun=${Bun.version} bits=64`;
