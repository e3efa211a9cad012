/** Everything a record holds, as plain values to compare: binary strings, in the shape of the corpus's expected files. */

import { EntryId } from "../../src/encodings/entry-id.ts";
import { objectType } from "../../src/rdb/opcodes.ts";
import type { Record as RdbRecord } from "../../src/rdb/record.ts";
import { readString } from "../../src/rdb/string.ts";
import { HashReader } from "../../src/types/hash.ts";
import { ListReader } from "../../src/types/list.ts";
import { SetReader } from "../../src/types/set.ts";
import { StreamReader } from "../../src/types/stream.ts";
import type { Groups } from "../../src/types/stream-groups.ts";
import { ZsetReader } from "../../src/types/zset.ts";
import { Span } from "../../src/util/span.ts";

export type Value = unknown;

export function readList(record: RdbRecord): string[] {
  const reader = new ListReader();
  reader.open(record);
  const values: string[] = [];
  while (reader.next()) values.push(reader.text().text());
  return values;
}

/** Sorted by bytes. */
export function readSet(record: RdbRecord): string[] {
  const reader = new SetReader();
  reader.open(record);
  const values: string[] = [];
  while (reader.next()) values.push(reader.text().text());
  return values.sort();
}

export interface HashValue {
  readonly fields: { readonly [field: string]: string };
  readonly expireAtMs: { readonly [field: string]: number };
}

export function readHash(record: RdbRecord, nowMs: number): HashValue {
  const reader = new HashReader();
  reader.open(record, nowMs);
  const fields: { [field: string]: string } = {};
  const expireAtMs: { [field: string]: number } = {};
  while (reader.nextField()) {
    const field = reader.field.text().text();
    fields[field] = reader.value.text().text();
    if (reader.fieldExpireAtMs >= 0) expireAtMs[field] = reader.fieldExpireAtMs;
  }
  return { fields, expireAtMs };
}

/** In rank order. */
export function readZset(record: RdbRecord): [string, number][] {
  const reader = new ZsetReader();
  reader.open(record);
  const members = reader.ranked();
  const values: [string, number][] = [];
  if (members.count > 0) members.goTo(0);
  while (values.length < members.count) {
    values.push([members.member.text().text(), members.score]);
    members.next();
  }
  return values;
}

/** [id, [field, value, …]] of every living entry. */
export function readEntries(reader: StreamReader): [string, string[]][] {
  const entries: [string, string[]][] = [];
  while (reader.next()) {
    const fields: string[] = [];
    while (reader.nextField()) fields.push(reader.field.text().text(), reader.value.text().text());
    entries.push([reader.id.text(), fields]);
  }
  return entries;
}

function groupValue(groups: Groups, index: number): Value {
  groups.stand(index);
  const names: string[] = [];
  for (let i = 0; i < groups.consumers; i++) {
    groups.standAtConsumer(i);
    names.push(groups.consumerName.text());
  }
  const pel: Value[] = [];
  groups.seekPending(new EntryId(), -1);
  while (groups.nextPending()) {
    pel.push([groups.pendingId.text(), groups.owner.text(), Number(groups.deliveryCount)]);
  }
  return {
    consumer_names: names,
    consumers: groups.consumers,
    "entries-read": groups.entriesRead < 0n ? null : Number(groups.entriesRead),
    "last-delivered-id": groups.lastId.text(),
    name: groups.name.text(),
    pel,
    pending: groups.pendingCount,
  };
}

export function readStream(record: RdbRecord): { [key: string]: Value } {
  const reader = new StreamReader();
  reader.open(record);
  return {
    entries: readEntries(reader),
    groups: Array.from({ length: reader.groups().count }, (_, index) => groupValue(reader.groups(), index)),
    info: {
      "entries-added": Number(reader.entriesAdded),
      groups: reader.groups().count,
      "last-generated-id": reader.lastId.text(),
      length: reader.length,
      "max-deleted-entry-id": reader.maxDeletedId.text(),
    },
  };
}

export function readValue(record: RdbRecord, nowMs: number): Value {
  record.seekValue();
  switch (objectType(record.type)) {
    case "string": {
      const span = new Span();
      readString(record.cursor, span, record.scratch);
      return span.text();
    }
    case "list":
      return readList(record);
    case "set":
      return readSet(record);
    case "hash":
      return readHash(record, nowMs);
    case "zset":
      return readZset(record);
    case "stream":
      return readStream(record);
    case "module":
      return null;
  }
}
