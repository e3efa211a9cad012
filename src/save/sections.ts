/**
 * The databases of the file that is being saved, one section each: what of the layer is its own, then what of the overlay.
 * A layer's file may come back to a database: then there is a second section of it, without a hint.
 */
import type { RdbWriter } from "../rdb/writer.ts";
import type { IndexPart } from "./index-part.ts";
import type { SavedDatabase } from "./request.ts";

/** A database and what is known of it before it is written. */
export interface Section extends SavedDatabase {
  /** Keys that will be written: exact. */
  readonly keys: number;
}

export class Sections {
  readonly #writer: RdbWriter;
  readonly #index: IndexPart;
  readonly #writeOverlay: (section: Section) => void;
  readonly #begun = new Set<Section>();
  readonly #done = new Set<Section>();
  #current: Section | undefined;

  /** @param writeOverlay writes the overlay's entries of the database that is selected */
  constructor(writer: RdbWriter, index: IndexPart, writeOverlay: (section: Section) => void) {
    this.#writer = writer;
    this.#index = index;
    this.#writeOverlay = writeOverlay;
  }

  /** What is written from now on belongs to this database; the one before gets its overlay's entries first. */
  enter(section: Section): void {
    if (section === this.#current) return;
    this.leave();
    this.#current = section;
    this.#writer.selectDb(section.dbid);
    if (!this.#begun.has(section)) this.#writer.resizeDb(section.keys, Math.min(section.expiringKeys, section.keys));
    this.#begun.add(section);
    this.#index.select(section.dbid);
  }

  /** Ends the section that is being written. */
  leave(): void {
    const section = this.#current;
    if (section !== undefined && !this.#done.has(section)) {
      this.#done.add(section);
      if (section.overlay !== null) this.#writeOverlay(section);
    }
    this.#current = undefined;
  }

  /** Writes the databases that only have an overlay. */
  finish(sections: readonly Section[]): void {
    this.leave();
    for (const section of sections) {
      if (this.#done.has(section) || section.keys === 0) continue;
      this.enter(section);
      this.leave();
    }
  }
}
