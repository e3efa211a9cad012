/** A dataset of every type and encoding, random by a seed, written by commands to a real server. */
import type { RespClient } from "./resp-client.ts";

/** mulberry32: the seed's random stream. */
export function randomStream(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomStream>;

/** A value that exercises an encoding: small and large integers, short and long bytes, compressible and not. */
function randomValue(random: Random): string {
  const bytes = (count: number) => String.fromCharCode(...Array.from({ length: count }, () => random(256)));
  switch (random(8)) {
    case 0:
      return `${random(256) - 128}`;
    case 1:
      return `${random(2 ** 31) * (random(2) === 0 ? 1 : -1)}`;
    case 2:
      return `${BigInt(random(2 ** 31)) * 4294967291n}`;
    case 3:
      return "";
    case 4:
      return bytes(random(60) + 1);
    case 5:
      return "compressible ".repeat(random(40) + 2);
    case 6:
      return bytes(random(900) + 60);
    default:
      return `item:${random(1_000_000)}`;
  }
}

function randomKey(random: Random, name: string, i: number): string[][] {
  const key = `${name}:${i}`;
  const size = [1, 3, 20, 130, 700][random(5)]!;
  const many = (make: () => string[]) => Array.from({ length: size }, make).flat();
  switch (name) {
    case "string":
      return [["SET", key, randomValue(random)]];
    case "list":
      return [["RPUSH", key, ...many(() => [randomValue(random)])]];
    case "set":
      return [["SADD", key, ...many(() => [random(3) === 0 ? randomValue(random) : `${random(10_000)}`])]];
    case "intset":
      return [["SADD", key, ...many(() => [`${random(2) === 0 ? random(60_000) - 30_000 : random(2 ** 31)}`])]];
    case "hash":
      return [["HSET", key, ...many(() => [`f${random(5000)}`, randomValue(random)])]];
    case "zset":
      return [["ZADD", key, ...many(() => [`${(random(2000) - 1000) / 8}`, randomValue(random)])]];
    default:
      return randomStreamKey(random, key, size);
  }
}

function randomStreamKey(random: Random, key: string, size: number): string[][] {
  const commands: string[][] = [];
  for (let i = 1; i <= size; i++) {
    const fields = random(3) === 0 ? [`f${random(9)}`, randomValue(random)] : ["a", randomValue(random), "b", `${i}`];
    commands.push(["XADD", key, `${1000 + (i >> 2)}-${i}`, ...fields]);
  }
  commands.push(["XDEL", key, `${1000 + (size >> 3)}-${size >> 1}`]);
  commands.push(["XGROUP", "CREATE", key, "g1", "0"], ["XGROUP", "CREATE", key, "g2", "$"]);
  commands.push(["XREADGROUP", "GROUP", "g1", "alice", "COUNT", "5", "STREAMS", key, ">"]);
  commands.push(["XREADGROUP", "GROUP", "g1", "bob", "COUNT", "2", "STREAMS", key, ">"]);
  return commands;
}

/** Keys of every type and encoding in databases 0, 3 and 15, small and large, with and without TTL. */
export async function fillAtRandom(client: RespClient, random: Random): Promise<void> {
  for (const db of [0, 3, 15]) {
    const commands: string[][] = [["SELECT", `${db}`]];
    for (const name of ["string", "list", "set", "intset", "hash", "zset", "stream"]) {
      for (let i = 0; i < 24; i++) {
        commands.push(...randomKey(random, name, i));
        if (random(4) === 0) commands.push(["PEXPIREAT", `${name}:${i}`, `${4_102_444_800_000 + random(1_000_000)}`]);
      }
    }
    commands.push(["SET", "gone", "x", "PX", "1"], ["SET", "\x00binary\r\n\xff", "\x00\xff"], ["SET", "", "empty key"]);
    for (const reply of await client.pipeline(commands)) {
      if (typeof reply === "string" && reply.startsWith("-")) throw new Error(reply);
    }
  }
}
