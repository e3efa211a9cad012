/** Keyed access to big sequences: the walk of the first access and the index of the later ones answer alike. */
import { expect, test } from "bun:test";
import { randomFrom, rdbLength, rdbString, recordBytes, testSeed } from "../../test/support/packed-samples.ts";
import { RdbType } from "../rdb/opcodes.ts";
import { Record } from "../rdb/record.ts";
import { type ByteSource, sourceOf } from "../util/byte-source.ts";
import { binaryBytes } from "../util/span.ts";
import { HashReader } from "./hash.ts";
import { builtIndexOf, findingOf, hashMember, MemberIndex, memberIndexOf, rememberFinding } from "./member-index.ts";
import { SetReader } from "./set.ts";
import { ZsetReader } from "./zset.ts";

function recordOf(type: number, ...value: readonly (Uint8Array | readonly number[])[]): Record {
  const record = new Record();
  record.readAt(sourceOf(recordBytes(type, ...value)), 0);
  return record;
}

const COUNT = 3000;
const names = Array.from({ length: COUNT }, (_, i) => (i % 3 === 0 ? `${i}` : `member:${i}`));
const absent = ["", "x", "member:0", "member:3", "1", "4000"];
/** Every third name is stored as an integer, as Redis does. */
const stored = names.map((name, i) => (i % 3 === 0 ? [0xc1, i & 255, i >> 8] : rdbString(name)));

test("a hash, a hash with expiries, a set, sorted sets: found by walk and by index", () => {
  const hash = recordOf(RdbType.HASH, rdbLength(COUNT), ...stored.flatMap((name, i) => [name, rdbString(`v${i}`)]));
  const expiring = recordOf(
    RdbType.HASH_METADATA_PRE_GA,
    rdbLength(COUNT),
    ...stored.flatMap((name, i) => [rdbLength(i % 2 === 0 ? 0 : 500 + i), name, rdbString(`v${i}`)]),
  );
  const set = recordOf(RdbType.SET, rdbLength(COUNT), ...stored);
  const zset = recordOf(
    RdbType.ZSET,
    rdbLength(COUNT),
    ...stored.flatMap((name, i) => [name, [`${i}`.length, ...Buffer.from(`${i}`)]]),
  );
  const hashes = new HashReader();
  const sets = new SetReader();
  const zsets = new ZsetReader();
  for (let round = 0; round < 3; round++) {
    names.slice(0, round === 0 ? 1 : COUNT).forEach((name, i) => {
      const bytes = binaryBytes(name);
      hashes.open(hash, 0);
      expect(hashes.find(bytes, 0, bytes.length) && hashes.value.text().text()).toBe(`v${i}`);
      hashes.open(expiring, 1000);
      const dead = i % 2 === 1 && 500 + i < 1000;
      expect(hashes.find(bytes, 0, bytes.length) && hashes.value.text().text()).toBe(dead ? false : `v${i}`);
      if (!dead) expect(hashes.fieldExpireAtMs).toBe(i % 2 === 0 ? -1 : 500 + i);
      sets.open(set);
      expect(sets.has(bytes, 0, bytes.length)).toBe(true);
      zsets.open(zset);
      expect(zsets.find(bytes, 0, bytes.length) && zsets.score).toBe(i);
    });
    for (const name of absent) {
      const bytes = binaryBytes(name);
      hashes.open(hash, 0);
      sets.open(set);
      zsets.open(zset);
      const found = [
        hashes.find(bytes, 0, name.length),
        sets.has(bytes, 0, name.length),
        zsets.find(bytes, 0, name.length),
      ];
      expect(found).toEqual([false, false, false]);
    }
  }
  sets.open(set);
  sets.next();
  sets.has(binaryBytes("x"), 0, 1);
  expect(sets.next() && sets.text().text()).toBe("member:1");
});

test("an index gives every offset of a hash, and no other's but by chance", () => {
  const random = randomFrom(testSeed());
  const index = new MemberIndex(4096);
  const hashes = Array.from({ length: 2500 }, () => Math.floor(random() * 2 ** 32));
  for (const [i, hash] of hashes.entries()) expect(index.add(hash, i)).toBe(true);
  expect(index.add(1, 2 ** 32)).toBe(false);
  hashes.forEach((hash, i) => {
    const found: number[] = [];
    for (let at = index.first(hash); at >= 0; at = index.next()) found.push(at);
    expect(found).toContain(i);
    expect(found.length).toBeLessThan(20);
  });
});

test("indexes: from the second time on, for big collections, within bounds", () => {
  const source = sourceOf(new Uint8Array(1));
  expect(memberIndexOf(source, 10, 100)).toBeNull();
  expect(memberIndexOf(source, 10, 100)).toBeNull();
  expect(memberIndexOf(source, 20, 1000)).toBeNull();
  const index = memberIndexOf(source, 20, 1000);
  expect(index?.slots).toBe(2048);
  expect(memberIndexOf(source, 20, 1000)).toBe(index);
  expect(memberIndexOf(sourceOf(new Uint8Array(1)), 20, 1000)).toBeNull();
  for (let i = 0; i < 2; i++) expect(memberIndexOf(source, 30, 2 ** 30)).toBeNull();
  // Others push the oldest out.
  const big = (offset: number) => memberIndexOf(source, offset, 1_300_000) ?? memberIndexOf(source, offset, 1_300_000);
  expect([big(40)?.slots, big(50)?.slots]).toEqual([2 ** 21, 2 ** 21]);
  expect(memberIndexOf(source, 20, 1000)).not.toBe(index);
});

test("the hash sees every byte and the length", () => {
  const seen = new Set<number>();
  for (let length = 0; length < 50; length++) {
    const bytes = new Uint8Array(length);
    seen.add(hashMember(bytes, 0, length));
    if (length > 0) bytes[length - 1] = 1;
    seen.add(hashMember(bytes, 0, length));
  }
  expect(seen.size).toBeGreaterThan(97);
});

test("where bytes may change: an index and a finding are of the bytes that lay there, or are not kept", () => {
  let version = 1;
  const source: ByteSource = { ...sourceOf(new Uint8Array(64)), isMutable: true, versionAt: () => version };
  const build = () => memberIndexOf(source, 20, 1000) ?? memberIndexOf(source, 20, 1000);
  const first = build() as MemberIndex;
  first.built = true;
  expect(builtIndexOf(source, 20)).toBe(first);
  rememberFinding(source, { firstOffset: 20, version, member: binaryBytes("m"), offset: 30 });
  expect(findingOf(source, 20)?.offset).toBe(30);
  version = 2;
  expect(builtIndexOf(source, 20)).toBeNull();
  expect(findingOf(source, 20)).toBeNull();
  const second = build() as MemberIndex;
  expect(second).not.toBe(first);
  expect(second.built).toBe(false);
  version = -1;
  for (let i = 0; i < 3; i++) expect(memberIndexOf(source, 20, 1000)).toBeNull();
  expect(findingOf(source, 20)).toBeNull();
  // A mutable source that names nothing is never relied on.
  const nameless: ByteSource = { ...sourceOf(new Uint8Array(64)), isMutable: true };
  for (let i = 0; i < 3; i++) expect(memberIndexOf(nameless, 20, 1000)).toBeNull();
});
