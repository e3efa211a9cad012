/** Layers for tests: a dump written to a directory of its own, opened, and all of it removed at the end. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Layer } from "../../src/layer/layer.ts";
import type { LayerOptions } from "../../src/layer/open.ts";
import { Record } from "../../src/rdb/record.ts";
import { readString } from "../../src/rdb/string.ts";
import { Span } from "../../src/util/span.ts";

export class LayerBench {
  readonly directory = fs.mkdtempSync(join(tmpdir(), "folio-layer-"));
  readonly path = join(this.directory, "dump.rdb");
  readonly indexPath = `${this.path}.idx`;
  /** What the layer said. */
  log: string[] = [];
  readonly #open: Layer[] = [];

  write(rdb: Uint8Array): void {
    fs.writeFileSync(this.path, rdb);
  }

  open(options: Partial<LayerOptions> = {}): Promise<Layer> {
    return this.openAt(this.path, options);
  }

  /** As `open`, of another file. */
  async openAt(path: string, options: Partial<LayerOptions> = {}): Promise<Layer> {
    this.log = [];
    const layer = await Layer.open(path, { databases: 16, log: (line) => this.log.push(line), ...options });
    this.#open.push(layer);
    return layer;
  }

  /** Names in the directory, sorted. */
  files(): string[] {
    return fs.readdirSync(this.directory).sort();
  }

  async close(layer: Layer): Promise<void> {
    this.#open.splice(this.#open.indexOf(layer), 1);
    await layer.close();
  }

  async dispose(): Promise<void> {
    for (const layer of this.#open.splice(0)) await layer.close();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

const record = new Record();
const value = new Span();

/** The string at `key` (binary strings both), or undefined. */
export function getString(layer: Layer, dbid: number, key: string): string | undefined {
  const bytes = Buffer.from(`<<${key}>>`, "latin1");
  if (!layer.find(dbid, bytes, 2, key.length, record)) return undefined;
  readString(record.cursor, value, record.scratch);
  return value.text();
}

/** Flips one bit of a file in place: the inode, and so any mapping of it, stays. */
export function flipBit(path: string, offset: number, bit: number): void {
  const fd = fs.openSync(path, "r+");
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, offset);
  byte[0] = (byte[0] as number) ^ (1 << bit);
  fs.writeSync(fd, byte, 0, 1, offset);
  fs.closeSync(fd);
}
