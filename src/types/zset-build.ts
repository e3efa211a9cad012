/** Makes a native sorted set of one that lies otherwise, or of pairs. */
import { type Blocks, letGo } from "../overlay/encodings/blocks.ts";
import { memberHash } from "../overlay/encodings/member-hash.ts";
import { freeSortedSet, SortedSet } from "../overlay/encodings/sorted-set.ts";
import type { Record } from "../rdb/record.ts";
import { Span } from "../util/span.ts";
import type { OrderedPairs } from "./scored-pairs.ts";
import { ZsetReader } from "./zset.ts";

/** Members added between two yields. */
const SLICE_MEMBERS = 256;

/** Of a record's members, in slices: the root. What a throw or an early return leaves has been freed. */
export function* buildZset(record: Record, blocks: Blocks): Generator<void, number, void> {
  const reader = new ZsetReader();
  reader.open(record);
  const root = SortedSet.create(blocks);
  const set = new SortedSet(blocks).bind(blocks, root);
  let isWhole = false;
  try {
    for (let added = 1; reader.next(); added++) {
      const { bytes, start, length } = reader.text();
      const hash = memberHash(bytes, start, length);
      const handle = set.find(hash, bytes, start, length);
      if (handle === 0) set.add(hash, reader.score, bytes, start, length);
      else set.setScore(handle, reader.score);
      if (added % SLICE_MEMBERS === 0) yield;
    }
    isWhole = true;
  } finally {
    if (!isWhole) letGo(blocks, freeSortedSet(blocks, root));
  }
  return root;
}

/** As buildZset, of pairs that are in order. */
export function* buildOfPairs(blocks: Blocks, pairs: OrderedPairs): Generator<void, number, void> {
  const root = SortedSet.create(blocks);
  const set = new SortedSet(blocks).bind(blocks, root);
  const member = new Span();
  let isWhole = false;
  try {
    for (let i = 0; i < pairs.count; i++) {
      pairs.member(i, member);
      const { bytes, start, length } = member;
      const hash = memberHash(bytes, start, length);
      set.find(hash, bytes, start, length);
      set.append(hash, pairs.score(i), bytes, start, length);
      if (i % SLICE_MEMBERS === SLICE_MEMBERS - 1) yield;
    }
    isWhole = true;
  } finally {
    if (!isWhole) letGo(blocks, freeSortedSet(blocks, root));
  }
  return root;
}
