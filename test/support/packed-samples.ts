/** Builders of packed encodings for tests, written from the format documents, apart from the readers. */

export type Sample = string | number | bigint;

function little(value: bigint, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 0xffn));
}

function bytesOf(text: string): number[] {
  return Array.from(Buffer.from(text, "latin1"));
}

function concat(parts: readonly (readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function listpackBody(sample: Sample): number[] {
  if (typeof sample === "string") {
    const text = bytesOf(sample);
    if (text.length < 64) return [0x80 | text.length, ...text];
    if (text.length < 4096) return [0xe0 | (text.length >> 8), text.length & 0xff, ...text];
    return [0xf0, ...little(BigInt(text.length), 4), ...text];
  }
  const value = BigInt(sample);
  if (value >= 0n && value < 128n) return [Number(value)];
  if (value >= -4096n && value < 4096n) {
    const bits = Number(BigInt.asUintN(13, value));
    return [0xc0 | (bits >> 8), bits & 0xff];
  }
  if (value >= -(2n ** 15n) && value < 2n ** 15n) return [0xf1, ...little(value, 2)];
  if (value >= -(2n ** 23n) && value < 2n ** 23n) return [0xf2, ...little(value, 3)];
  if (value >= -(2n ** 31n) && value < 2n ** 31n) return [0xf3, ...little(value, 4)];
  return [0xf4, ...little(value, 8)];
}

/** High 7 bits first; every byte but the first has its top bit set. */
function backLength(size: number): number[] {
  const bytes = size < 128 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
  return Array.from({ length: bytes }, (_, i) => {
    const group = Math.floor(size / 128 ** (bytes - 1 - i)) % 128;
    return i === 0 ? group : group | 128;
  });
}

/** A listpack of strings and integers as given; `count` overrides the one in the header. */
export function listpackOf(samples: readonly Sample[], count = Math.min(samples.length, 65535)): Uint8Array {
  const parts: number[][] = [];
  for (const sample of samples) {
    const body = listpackBody(sample);
    parts.push(body, backLength(body.length));
  }
  const bytes = concat([[0, 0, 0, 0, ...little(BigInt(count), 2)], ...parts, [0xff]]);
  bytes.set(little(BigInt(bytes.length), 4), 0);
  return bytes;
}

function ziplistBody(sample: Sample): number[] {
  if (typeof sample === "string") {
    const text = bytesOf(sample);
    if (text.length < 64) return [text.length, ...text];
    if (text.length < 16384) return [0x40 | (text.length >> 8), text.length & 0xff, ...text];
    return [0x80, ...little(BigInt(text.length), 4).reverse(), ...text];
  }
  const value = BigInt(sample);
  if (value >= 0n && value <= 12n) return [0xf1 + Number(value)];
  if (value >= -128n && value < 128n) return [0xfe, ...little(value, 1)];
  if (value >= -(2n ** 15n) && value < 2n ** 15n) return [0xc0, ...little(value, 2)];
  if (value >= -(2n ** 23n) && value < 2n ** 23n) return [0xf0, ...little(value, 3)];
  if (value >= -(2n ** 31n) && value < 2n ** 31n) return [0xd0, ...little(value, 4)];
  return [0xe0, ...little(value, 8)];
}

export function ziplistOf(samples: readonly Sample[], count = Math.min(samples.length, 65535)): Uint8Array {
  const parts: number[][] = [];
  let before = 0;
  let last = 10;
  let at = 10;
  for (const sample of samples) {
    const body = ziplistBody(sample);
    const head = before < 254 ? [before] : [254, ...little(BigInt(before), 4)];
    parts.push(head, body);
    last = at;
    before = head.length + body.length;
    at += before;
  }
  const header = [0, 0, 0, 0, ...little(BigInt(last), 4), ...little(BigInt(count), 2)];
  const bytes = concat([header, ...parts, [0xff]]);
  bytes.set(little(BigInt(bytes.length), 4), 0);
  return bytes;
}

/** `unused` bytes stand behind every value, as an overwritten zipmap has them. */
export function zipmapOf(pairs: readonly (readonly [string, string])[], unused = 0): Uint8Array {
  const length = (n: number) => (n < 254 ? [n] : [254, ...little(BigInt(n), 4)]);
  const parts = pairs.flatMap(([field, value]) => [
    [...length(field.length), ...bytesOf(field)],
    [...length(value.length), unused, ...bytesOf(value), ...new Array<number>(unused).fill(0x55)],
  ]);
  return concat([[Math.min(pairs.length, 254)], ...parts, [0xff]]);
}

export function intsetOf(values: readonly bigint[], width: 2 | 4 | 8): Uint8Array {
  return concat([little(BigInt(width), 4), little(BigInt(values.length), 4), ...values.map((v) => little(v, width))]);
}

/** A length as RDB writes it. */
export function rdbLength(n: number): number[] {
  if (n < 64) return [n];
  if (n < 16384) return [0x40 | (n >> 8), n & 0xff];
  return [0x80, ...little(BigInt(n), 4).reverse()];
}

/** A raw RDB string. */
export function rdbString(text: string | Uint8Array): Uint8Array {
  const bytes = typeof text === "string" ? bytesOf(text) : Array.from(text);
  return concat([rdbLength(bytes.length), bytes]);
}

/** The bytes of a record with the key "k": type byte, key, value parts. */
export function recordBytes(type: number, ...value: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return concat([[type, 1, 0x6b], ...value.map((part) => Array.from(part))]);
}

/** Pseudo-random numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The seed of this run: FOLIO_SEED, or a new one, printed. */
export function testSeed(): number {
  const seed = Number(Bun.env["FOLIO_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`FOLIO_SEED=${seed}`);
  return seed;
}
