/** Streams made by hand: deleted entries, shared fields, ranges both ways, huge ids, groups. */
import { describe, expect, test } from "bun:test";
import { listpackOf, rdbLength, rdbString, recordBytes, type Sample } from "../../test/support/packed-samples.ts";
import { readEntries } from "../../test/support/read-value.ts";
import { EntryId } from "../encodings/entry-id.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { sourceOf } from "../util/byte-source.ts";
import { FormatError } from "../util/format-error.ts";
import { StreamReader } from "./stream.ts";
import { entriesReadEstimate, type Groups } from "./stream-groups.ts";

function idBytes(ms: bigint, seq: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, ms);
  view.setBigUint64(8, seq);
  return bytes;
}

function i64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

function length64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = 0x81;
  new DataView(bytes.buffer).setBigUint64(1, value);
  return bytes;
}

type Node = readonly [bigint, bigint, readonly Sample[]];

/** Two fields a, b in the master entry; 100-1 shares them, 100-2 is deleted, 105-0 has one of its own, 105-7 none. */
const FIRST: Node = [
  100n,
  1n,
  [3, 1, 2, "a", "b", 0, 2, 0, 0, "A", 11, 5, 3, 0, 1, "x", 12, 5, 0, 5, -1, 1, "c", "C", 6, 0, 5, 6, 0, 4],
];
const SECOND: Node = [200n, 0n, [1, 0, 1, "f", 0, 2, 0, 0, "F", 4]];

function stream(type: number, nodes: readonly Node[], tail: readonly (Uint8Array | readonly number[])[]): Record {
  const parts = nodes.flatMap(([ms, seq, samples]) => [rdbString(idBytes(ms, seq)), rdbString(listpackOf(samples))]);
  const record = new Record();
  record.readAt(sourceOf(recordBytes(type, rdbLength(nodes.length), ...parts, ...tail)), 0);
  return record;
}

const entries: [string, string[]][] = [
  ["100-1", ["a", "A", "b", "11"]],
  ["105-0", ["c", "C"]],
  ["105-7", []],
  ["200-0", ["f", "F"]],
];
const tail1 = [...[4, 200, 0].map(rdbLength), rdbLength(0)];
const id = (ms: number, seq: number) => EntryId.of(ms, seq);
const ID_MIN = new EntryId();
const ID_MAX = new EntryId().setMax();

describe("entries", () => {
  const reader = new StreamReader();
  const range = (from = ID_MIN, to = ID_MAX, reverse = false) => {
    reader.seek(from, to, reverse);
    return readEntries(reader);
  };

  test("in order, from version 1", () => {
    reader.open(stream(RdbType.STREAM_LISTPACKS, [FIRST, SECOND], tail1));
    expect(readEntries(reader)).toEqual(entries);
    expect(reader.firstId).toEqual(id(100, 1));
    expect([reader.length, reader.entriesAdded, reader.nodeCount]).toEqual([4, 4n, 2]);
  });

  test("ranges, both ways, for every pair of bounds", () => {
    reader.open(stream(RdbType.STREAM_LISTPACKS, [FIRST, SECOND], tail1));
    const bounds = [
      [0, 0],
      [100, 0],
      [100, 1],
      [100, 2],
      [100, 3],
      [105, 0],
      [105, 7],
      [199, 9],
      [200, 0],
      [201, 0],
    ].map(([ms, seq]) => id(ms as number, seq as number));
    const order = (text: string) => text.split("-").reduce((sum, part) => sum * 1000 + Number(part), 0);
    for (const from of bounds) {
      for (const to of bounds) {
        const inside = entries.filter(([name]) => {
          return order(name) >= order(from.text()) && order(name) <= order(to.text());
        });
        expect(range(from, to)).toEqual(inside);
        expect(range(from, to, true)).toEqual(inside.reverse());
      }
    }
  });

  test("listpacks out of order are put in order; fields can be walked again or left", () => {
    reader.open(stream(RdbType.STREAM_LISTPACKS, [SECOND, FIRST], tail1));
    expect(range()).toEqual(entries);
    reader.seekAll();
    const ids: string[] = [];
    while (reader.next()) {
      reader.nextField();
      ids.push(reader.id.text());
    }
    expect(ids).toEqual(entries.map(([name]) => name));
    reader.seek(id(100, 1), id(100, 1));
    reader.next();
    for (let round = 0; round < 2; round++) {
      expect(reader.nextField() && reader.nextField()).toBe(true);
      expect([reader.field.text().text(), reader.value.text().text()]).toEqual(["b", "11"]);
      expect(reader.nextField()).toBe(false);
      reader.rewindFields();
    }
  });

  test("ids of the whole range", () => {
    const huge = 0xffffffffffffffffn;
    const node: Node = [huge - 1n, huge, [2, 0, 0, 0, 2, 0, 0, 3, 2, 1, -5, 3]];
    const tail = [rdbLength(2), length64(huge), length64(huge - 5n), rdbLength(0)];
    reader.open(stream(RdbType.STREAM_LISTPACKS, [node], tail));
    expect(range().map(([name]) => name)).toEqual([`${huge - 1n}-${huge}`, `${huge}-${huge - 5n}`]);
    expect(range(EntryId.of(huge), ID_MAX, true).length).toBe(1);
    expect(reader.lastId).toEqual(EntryId.of(huge, huge - 5n));
  });

  test("an empty stream", () => {
    reader.open(stream(RdbType.STREAM_LISTPACKS, [], [0, 7, 1].map(rdbLength).concat([rdbLength(0)])));
    expect([range(), range(ID_MIN, ID_MAX, true), reader.groups().count]).toEqual([[], [], 0]);
    expect(reader.firstId).toEqual(ID_MIN);
  });

  test("counts that lead out of the listpack, and what is no count, are refused", () => {
    const wrong: (readonly Sample[])[] = [
      [],
      [1, 0],
      [1, 0, 5, "a", 0],
      [1, 0, "many", "a", 0],
      [1, 0, -1, 0],
      [1, 0, 1, "a", 0, 2, 0],
      [1, 0, 1, "a", 0, 0, 0, 0, 2 ** 40, "f", "v", 4],
      [1, 0, 1, "a", 0, 2, "x", 0, "v", 4],
    ];
    for (const samples of wrong) {
      for (const reverse of [false, true]) {
        const made = stream(
          RdbType.STREAM_LISTPACKS_2,
          [[1n, 1n, samples]],
          [1, 1, 1, 1, 1, 0, 0, 1, 0].map(rdbLength),
        );
        reader.open(made);
        expect(() => range(ID_MIN, ID_MAX, reverse)).toThrow(FormatError);
      }
    }
  });
});

describe("groups", () => {
  const pending = (ms: number) => [idBytes(BigInt(ms), 0n), i64(ms * 10), rdbLength(ms % 50)];
  const consumers = (type: number) =>
    [
      ["zoe", 1000, [100, 120]],
      ["adam", 2000, [110]],
    ].flatMap(([name, seen, ids]) => [
      rdbString(name as string),
      i64(seen as number),
      type === RdbType.STREAM_LISTPACKS_3 ? i64(-1) : [],
      rdbLength((ids as number[]).length),
      ...(ids as number[]).map((ms) => idBytes(BigInt(ms), 0n)),
    ]);
  const made = (type: number) =>
    stream(
      type,
      [FIRST, SECOND],
      [
        ...[4, 200, 0].map(rdbLength),
        ...(type === RdbType.STREAM_LISTPACKS ? [] : [100, 1, 100, 2, 6].map(rdbLength)),
        rdbLength(2),
        ...[
          rdbString("z-group"),
          rdbLength(200),
          rdbLength(0),
          type === RdbType.STREAM_LISTPACKS ? [] : length64(2n ** 64n - 1n),
        ],
        ...[rdbLength(0), rdbLength(0)],
        ...[rdbString("group"), rdbLength(100), rdbLength(1), type === RdbType.STREAM_LISTPACKS ? [] : rdbLength(3)],
        ...[rdbLength(3), ...pending(120), ...pending(100), ...pending(110)],
        ...[rdbLength(2), ...consumers(type)],
      ],
    );

  for (const type of [RdbType.STREAM_LISTPACKS, RdbType.STREAM_LISTPACKS_2, RdbType.STREAM_LISTPACKS_3]) {
    test(`type ${type}`, () => {
      const reader = new StreamReader();
      reader.open(made(type));
      expect(reader.next()).toBe(true);
      const groups = reader.groups();
      expect(groups.count).toBe(2);
      const v1 = type === RdbType.STREAM_LISTPACKS;
      groups.stand(1);
      expect([groups.name.text(), groups.entriesRead]).toEqual(["z-group", v1 ? 4n : -1n]);
      expect(groups.find(Buffer.from("group"), 0, 5)).toBe(true);
      expect([groups.name.text(), groups.entriesRead]).toEqual(["group", v1 ? 1n : 3n]);
      expect(groups.lastId).toEqual(id(100, 1));
      const active = (seen: number) => (type === RdbType.STREAM_LISTPACKS_3 ? -1 : seen);
      expect(consumersOf(groups)).toEqual([
        ["adam", 2000, active(2000), 1],
        ["zoe", 1000, active(1000), 2],
      ]);
      expect(pendingOf(groups, ID_MIN, -1)).toEqual([
        ["100-0", "zoe", 1000, 0n],
        ["110-0", "adam", 1100, 10n],
        ["120-0", "zoe", 1200, 20n],
      ]);
      expect(pendingOf(groups, id(101, 0), -1).map(([name]) => name)).toEqual(["110-0", "120-0"]);
      expect(pendingOf(groups, ID_MIN, groups.findConsumer(Buffer.from("zoe"), 0, 3)).length).toBe(2);
      expect(groups.findConsumer(Buffer.from("nobody"), 0, 6)).toBe(-1);
      expect([groups.lastPending(), groups.pendingId.text()]).toEqual([true, "120-0"]);
      // The iteration goes on where it was.
      expect(reader.next() && reader.id.ms).toBe(105n);
    });
  }
});

function consumersOf(groups: Groups): unknown[] {
  return Array.from({ length: groups.consumers }, (_, index) => {
    groups.standAtConsumer(index);
    return [groups.consumerName.text(), groups.seenTimeMs, groups.activeTimeMs, groups.consumerPending];
  });
}

function pendingOf(groups: Groups, from: EntryId, consumer: number): unknown[][] {
  const rows: unknown[][] = [];
  groups.seekPending(from, consumer);
  while (groups.nextPending()) {
    rows.push([groups.pendingId.text(), groups.owner.text(), groups.deliveryTimeMs, groups.deliveryCount]);
  }
  return rows;
}

test("the guess of how many entries a group has read", () => {
  const state = { length: 3, lastId: id(9, 0), firstId: id(5, 0), maxDeletedId: ID_MIN, entriesAdded: 10n };
  expect(entriesReadEstimate({ ...state, entriesAdded: 0n }, id(1, 0))).toBe(0n);
  expect(entriesReadEstimate(state, id(9, 0))).toBe(10n);
  expect(entriesReadEstimate(state, id(9, 1))).toBe(-1n);
  expect(entriesReadEstimate(state, id(4, 0))).toBe(7n);
  expect(entriesReadEstimate(state, id(5, 0))).toBe(8n);
  expect(entriesReadEstimate(state, id(6, 0))).toBe(-1n);
  expect(entriesReadEstimate({ ...state, maxDeletedId: id(6, 0) }, id(4, 0))).toBe(-1n);
  expect(entriesReadEstimate({ ...state, length: 0 }, id(4, 0))).toBe(10n);
});
