/** What client A does while client B pings: each a line of requests. The order matters: first accesses come first. */
import { encodeCommand } from "../../test/support/resp-client.ts";

export interface Workload {
  readonly name: string;
  readonly requests: string;
}

function one(name: string, ...command: string[]): Workload {
  return { name, requests: encodeCommand(command) };
}

function command(...words: string[]): Workload {
  return one(words.join(" "), ...words);
}

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `key:${(i * 7919) % 1_000_000}`);
}

export function workloads(): Workload[] {
  return [
    one("HGET, first access", "HGET", "hash", "field:999999"),
    one("HGET, second", "HGET", "hash", "nothing"),
    one("HGET, third", "HGET", "hash", "field:123"),
    one("SISMEMBER, first access", "SISMEMBER", "set", "nothing"),
    one("SISMEMBER, second", "SISMEMBER", "set", "nothing"),
    command("ZRANK", "zset", "member:777777"),
    command("ZSCORE", "zset", "member:777777"),
    command("HMGET", "hash", "field:1", "field:999", "nothing"),
    command("HGETALL", "hash"),
    command("HRANDFIELD", "hash", "-100000"),
    command("HSCAN", "hash", "0", "COUNT", "100000"),
    command("SMEMBERS", "set"),
    command("SRANDMEMBER", "set"),
    command("SRANDMEMBER", "set", "100000"),
    command("SINTER", "set", "set:other"),
    command("SUNION", "set", "set:other"),
    command("SINTERCARD", "2", "set", "set:other"),
    command("ZRANGE", "zset", "0", "-1"),
    command("ZRANGEBYSCORE", "zset", "500000", "+inf", "LIMIT", "100000", "10"),
    command("ZCOUNT", "zset", "1000", "900000"),
    command("ZUNION", "2", "zset", "zset:other"),
    command("ZINTERCARD", "2", "zset", "zset:other"),
    command("ZRANDMEMBER", "zset", "-1000"),
    command("LRANGE", "list", "0", "-1"),
    command("LINDEX", "list", "500000"),
    command("LLEN", "list"),
    command("LPOS", "list", "nothing"),
    command("XRANGE", "stream", "-", "+"),
    command("XREVRANGE", "stream", "+", "-", "COUNT", "10"),
    command("XLEN", "stream"),
    command("XINFO", "STREAM", "stream", "FULL", "COUNT", "0"),
    command("XPENDING", "stream", "group", "-", "+", "20000"),
    command("SORT_RO", "list", "ALPHA", "LIMIT", "0", "10"),
    command("SORT_RO", "set", "BY", "nosort", "GET", "#"),
    command("KEYS", "*"),
    command("KEYS", "nothing*"),
    command("SCAN", "0", "COUNT", "1000000"),
    command("SCAN", "0", "COUNT", "1000000", "TYPE", "hash"),
    command("RANDOMKEY"),
    command("DBSIZE"),
    command("GET", "string"),
    command("BITCOUNT", "string"),
    command("BITPOS", "string", "1"),
    command("GETRANGE", "string", "100000000", "100000010"),
    command("STRLEN", "string"),
    command("GET", "string:lzf"),
    command("GETRANGE", "string:lzf", "40000000", "40000010"),
    command("BITCOUNT", "string:lzf"),
    command("DUMP", "hash"),
    command("DUMP", "string"),
    command("MEMORY", "USAGE", "hash"),
    command("OBJECT", "ENCODING", "list"),
    command("OBJECT", "ENCODING", "set"),
    command("TYPE", "stream"),
    one("PFCOUNT of 20", "PFCOUNT", ...Array.from({ length: 20 }, (_, i) => `hll:${i}`)),
    command("LCS", "text:a", "text:b"),
    one("MGET of 100k keys", "MGET", ...keys(100_000)),
    one("EXISTS of 100k keys", "EXISTS", ...keys(100_000)),
    {
      name: "100k GETs, pipelined",
      requests: keys(100_000)
        .map((key) => encodeCommand(["GET", key]))
        .join(""),
    },
    { name: "300k PINGs, pipelined", requests: "PING\r\n".repeat(300_000) },
    one("COMMAND", "COMMAND"),
    one("INFO", "INFO"),
  ];
}
