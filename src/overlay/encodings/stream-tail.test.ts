/** The short way to a stream's end makes what the general one makes, byte for byte, or says that it cannot. */
import { expect, test } from "bun:test";
import { seededRandom } from "../../../test/support/random.ts";
import { EntryId } from "../../encodings/entry-id.ts";
import { PayloadSink } from "../../rdb/value-sink.ts";
import { binaryBytes } from "../../util/span.ts";
import { Arena } from "../arena.ts";
import { Pins } from "../pins.ts";
import { atOnce } from "./native.ts";
import { NativeStream, type StreamLimits } from "./stream.ts";
import { streamForm } from "./stream-form.ts";
import { StreamTail, type Texts } from "./stream-tail.ts";

const LIMITS: readonly StreamLimits[] = [
  { "stream-node-max-bytes": 4096, "stream-node-max-entries": 100 },
  { "stream-node-max-bytes": 0, "stream-node-max-entries": 0 },
  { "stream-node-max-bytes": 300, "stream-node-max-entries": 7 },
];
/** Words of a command: nobody's business. */
const FIRST = 3;
/** Two to the 32, the sequence and clock around which halves carry. */
const TWO32 = 2 ** 32;

function textsOf(pairs: readonly string[]): Texts {
  const all = ["XADD", "key", "*", ...pairs];
  const lengths = Int32Array.from(all, (text) => text.length);
  const starts = new Int32Array(all.length);
  for (let i = 1; i < all.length; i++) starts[i] = (starts[i - 1] as number) + (lengths[i - 1] as number);
  return { bytes: binaryBytes(all.join("")), starts, lengths, count: all.length };
}

class Twins {
  readonly arena = new Arena(new Pins());
  readonly shortRoot = NativeStream.create(this.arena);
  readonly longRoot = NativeStream.create(this.arena);
  readonly short = new NativeStream(this.arena).bind(this.arena, this.shortRoot);
  readonly long = new NativeStream(this.arena).bind(this.arena, this.longRoot);
  readonly tail = new StreamTail();
  /** Entries that went the short way. */
  taken = 0;

  /** As XADD with "*". */
  add(nowMs: number, texts: Texts, limits: StreamLimits): void {
    const { arena, long, short } = this;
    const pairs = { ...texts, first: FIRST, count: (texts.count - FIRST) / 2 };
    const last = long.readLast(new EntryId());
    const id = new EntryId().setMs(nowMs);
    if (id.compare(last) <= 0 || id.hasMsOf(last)) id.copy(last).increment();
    const given = new EntryId();
    if (this.tail.append(arena, this.shortRoot, nowMs, texts, FIRST, limits, given)) {
      expect(given.text()).toBe(id.text());
      this.taken++;
    } else short.append(id, pairs, limits);
    long.append(id, pairs, limits);
  }

  both(change: (stream: NativeStream) => void): void {
    change(this.short);
    change(this.long);
  }

  check(): void {
    expect(this.payload(this.shortRoot)).toEqual(this.payload(this.longRoot));
  }

  payload(root: number): Uint8Array {
    const sink = new PayloadSink();
    for (const _ of streamForm.write(sink, this.arena, root));
    return sink.buffer.slice(0, sink.size);
  }

  free(): void {
    for (const root of [this.shortRoot, this.longRoot]) atOnce(streamForm.free(this.arena, root));
    expect(this.arena.usedBytes).toBe(0);
  }
}

const random = seededRandom("stream-tail");
const below = (n: number) => Math.floor(random() * n);
const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;

function randomPairs(fields: readonly string[]): string[] {
  const values = [
    "",
    "7",
    "-5",
    "-",
    "007",
    "3000000000",
    "12345678901234567890",
    "text",
    "x".repeat(63),
    "y".repeat(64),
  ];
  return fields.flatMap((field) => [field, below(10) === 0 ? "z".repeat(below(5000)) : one(values)]);
}

test("random entries, clocks, changes between them", () => {
  const shapes = [["field"], ["sensor", "reading"], ["field"], ["f".repeat(63)], ["f".repeat(64)], ["12"], [""]];
  let taken = 0;
  for (let round = 0; round < 40; round++) {
    const twins = new Twins();
    const limits = one(LIMITS);
    let now = one([TWO32 - 50, 1_700_000_000_000, 400 * TWO32 - 50]);
    let shape = one(shapes);
    for (let i = 0; i < 600; i++) {
      if (below(30) === 0) shape = one(shapes);
      if (below(3) === 0) now += one([0, 1, 1, 2, 100, 200, 5000, -3]);
      twins.add(now, textsOf(randomPairs(shape)), limits);
      if (below(50) === 0) {
        const last = twins.long.readLast(new EntryId());
        twins.both((stream) => stream.remove(last));
      }
      if (below(100) === 0) {
        const length = below(40);
        twins.both((stream) => stream.trimToLength(length, false, 0, Number.POSITIVE_INFINITY));
      }
    }
    twins.check();
    taken += twins.taken;
    twins.free();
  }
  expect(taken).toBeGreaterThan(2000);
});

test("the sequence's halves carry over, and its end is the general way's", () => {
  const twins = new Twins();
  const [limits] = LIMITS as [StreamLimits];
  const texts = textsOf(["field", "value"]);
  // The second has the end of the first's node found.
  for (let i = 0; i < 2; i++) twins.add(1000, texts, limits);
  for (const [high, low] of [
    [0, TWO32 - 3],
    [7, TWO32 / 2 - 2],
    [7, TWO32 - 3],
  ] as const) {
    const last = new EntryId().set(0, 1000, high, low);
    twins.both((stream) => stream.writeLast(last));
    const ways = Array.from({ length: 5 }, () => {
      const { taken } = twins;
      twins.add(1000, texts, limits);
      return twins.taken > taken;
    });
    // The sequence's lower half ends behind the second.
    if (low === TWO32 - 3) expect(ways[2]).toBeFalse();
    // But for one that the node's block has to grow for.
    expect(ways.filter((isShort) => isShort).length).toBeGreaterThanOrEqual(3);
    twins.check();
  }
  twins.free();
});

test("more fields than one byte counts, equal to what a longer number begins with", () => {
  for (const count of [100, 127, 128, 0xc0, 0xf1]) {
    const twins = new Twins();
    const texts = textsOf(Array.from({ length: count }, (_, i) => [`f${i}`, "v"]).flat());
    for (let i = 0; i < 5; i++)
      twins.add(1000 + i, texts, { "stream-node-max-bytes": 0, "stream-node-max-entries": 100 });
    expect(twins.taken > 0).toBe(count < 128);
    twins.check();
    twins.free();
  }
});

test("more entries than one byte counts, more elements than the header counts", () => {
  const twins = new Twins();
  const limits = { "stream-node-max-bytes": 0, "stream-node-max-entries": 0 };
  const texts = textsOf(Array.from({ length: 120 }, (_, i) => [`f${i}`, "v"]).flat());
  for (let i = 0; i < 700; i++) {
    twins.add(1000 + i, texts, limits);
    if (i % 100 === 50) twins.both((stream) => stream.remove(new EntryId().setMs(1000 + i)));
  }
  expect(twins.taken).toBeGreaterThan(20);
  twins.check();
  twins.free();
});

test("an empty stream, and one whose entries have gone", () => {
  const twins = new Twins();
  const [limits] = LIMITS as [StreamLimits];
  const texts = textsOf(["field", "value"]);
  for (let i = 0; i < 20; i++) twins.add(1000, texts, limits);
  twins.both((stream) => stream.trimToLength(0, false, 0, Number.POSITIVE_INFINITY));
  twins.add(1000, texts, limits);
  twins.add(1000, texts, limits);
  twins.check();
  expect(twins.short.readFirst(new EntryId()).text()).toBe("1000-20");
  twins.free();
});
