/** A record that was made like another one is its own: of a file, of an entry whose value lies apart, with a key in scratch. */
import { expect, test } from "bun:test";
import { recordBytes } from "../../test/support/packed-samples.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { readString } from "../rdb/string.ts";
import { sourceOf } from "../util/byte-source.ts";
import { Span } from "../util/span.ts";
import { Overlay } from "./overlay.ts";
import { Pins } from "./pins.ts";

function text(record: Record): string {
  const value = new Span();
  record.seekValue();
  readString(record.cursor, value, record.scratch);
  return value.text();
}

test("entries of an overlay, inline and apart", () => {
  const overlay = new Overlay(new Pins());
  const handles = [5, 60, 9000, 40_000].map((length, i) => {
    const key = Buffer.from(`key:${i}`);
    const head =
      length < 64
        ? [length]
        : length < 16384
          ? [0x40 | (length >>> 8), length & 255]
          : [0x80, 0, 0, length >>> 8, length & 255];
    const handle = overlay.create(key, 0, key.length, RdbType.STRING, i % 2 === 0 ? -1 : 12345, head.length + length);
    overlay.valueBytes.set(head, overlay.valueAt);
    overlay.valueBytes.fill(97 + i, overlay.valueAt + head.length, overlay.valueAt + head.length + length);
    return { handle, key: `key:${i}`, value: String.fromCharCode(97 + i).repeat(length), at: i % 2 === 0 ? -1 : 12345 };
  });
  const record = new Record();
  const copies = handles.map(({ handle }) => {
    overlay.read(handle, record);
    // Wherever the other's cursor has got to.
    record.cursor.skip(1);
    return new Record().like(record);
  });
  for (const [i, copy] of copies.entries()) {
    const { handle, key, value, at } = handles[i] as (typeof handles)[number];
    expect({ key: copy.key.text(), value: text(copy), at: copy.expireAtMs, entry: copy.entry }).toEqual({
      key,
      value,
      at,
      entry: handle,
    });
    expect(copy.valueLength).toBeGreaterThan(value.length);
  }
  while (!overlay.arena.dispose(2 ** 24));
});

test("a key that was decompressed or formatted stays when the other record is read again", () => {
  // The key is the integer 7; the value "x".
  const seven = sourceOf(Uint8Array.of(RdbType.STRING, 0xc0, 7, 1, 120));
  const eight = sourceOf(Uint8Array.of(RdbType.STRING, 0xc0, 8, 1, 121));
  const record = new Record();
  record.readAt(seven, 0);
  const copy = new Record().like(record);
  record.readAt(eight, 0);
  expect([copy.key.text(), text(copy), record.key.text(), text(record)]).toEqual(["7", "x", "8", "y"]);
  const plain = new Record();
  plain.readAt(sourceOf(recordBytes(RdbType.STRING, [1, 122])), 0);
  expect(text(new Record().like(plain))).toBe("z");
});
