/** Long doubles beside those that redis-server adds and prints in INCRBYFLOAT. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../test/support/random.ts";
import { RedisServer, redisInstalled } from "../../test/support/redis-server.ts";
import {
  addLongDoubles,
  longDoubleText,
  PLAIN_TEXT_BYTES_MAX,
  parseLongDouble,
  plainSum,
  writePlainSum,
} from "./long-double.ts";

const PAIRS = Number(process.env["FOLIO_FLOAT_PAIRS"] ?? 3000);
const PAIRS_AT_ONCE = 500;
const INVALID = "-ERR value is not a valid float\r\n";

/** What INCRBYFLOAT answers. */
function answer(value: string, increment: string): string {
  const a = parseLongDouble(value);
  const b = parseLongDouble(increment);
  if (a === undefined || b === undefined) return INVALID;
  const sum = addLongDoubles(a, b);
  if (sum === undefined) return "-ERR increment would produce NaN or Infinity\r\n";
  const text = longDoubleText(sum);
  expectPlain(value, increment, text);
  return `$${text.length}\r\n${text}\r\n`;
}

/** Where the short way is taken, it leads to the same text. */
function expectPlain(value: string, increment: string, text: string): void {
  const [a, b] = [Buffer.from(value, "latin1"), Buffer.from(increment, "latin1")];
  if (!plainSum(a, 0, a.length, b, 0, b.length)) return;
  plainSums++;
  const written = new Uint8Array(PLAIN_TEXT_BYTES_MAX + 1);
  const length = writePlainSum(written, 1);
  const plain = Buffer.from(written).toString("latin1", 1, length + 1);
  if (plain !== text) expect([value, increment, plain]).toEqual([value, increment, text]);
}
let plainSums = 0;

/** A text that is mostly a number: short or long, near powers of two and ten, at the ends of the range, hexadecimal, or not quite one. */
function someNumber(random: () => number): string {
  const below = (n: number) => Math.floor(random() * n);
  const digits = (n: number) => Array.from({ length: n }, () => below(10)).join("");
  const sign = ["", "", "-", "+"][below(4)] as string;
  switch (below(16)) {
    case 14:
    case 15:
      return `${["", "-"][below(2)]}${below(below(3) === 0 ? 100 : 10)}.${digits(1 + below(12))}`;
    case 0:
      return `${sign}${below(1000)}`;
    case 1:
    case 2:
      return `${sign}${below(10_000)}.${digits(1 + below(4))}`;
    case 3:
      return `${sign}${digits(1 + below(25))}.${digits(below(30))}`;
    case 4:
      return `${sign}${below(10)}.${digits(below(20))}e${below(40) - 25}`;
    case 5:
      return `${sign}${2n ** BigInt(below(80)) + BigInt(below(3) - 1)}`;
    case 6:
      return `${sign}${below(100)}.${digits(15)}5`;
    case 7:
      return `${sign}${below(10)}.${digits(3)}E${["4931", "4932", "4933", "-4931", "-4950", "-4951", "-4952", "99999999999", "-99999999999"][below(9)]}`;
    case 8:
      return `${sign}0x${below(2 ** 30).toString(16)}.${below(2 ** 30).toString(16)}p${below(60) - 40}`;
    case 9:
      return `${sign}0X${below(2 ** 30).toString(16)}${["", "p16380", "p-16440", "p-16475", "p99999", "p"][below(6)]}`;
    case 10:
      return [
        "inf",
        "-INF",
        "+infinity",
        "nan",
        "",
        " 1",
        "1 ",
        "1e",
        "e5",
        ".",
        "-.5",
        "5.",
        "0e9999",
        "--1",
        "1.5.5",
        "0x",
        "0x.p1",
      ][below(17)] as string;
    case 11:
      return `${sign}${"0".repeat(below(30))}${digits(5)}.${"0".repeat(below(18))}${digits(3)}`;
    case 12:
      return `${sign}1.1897314953572317650${digits(2)}e4932`;
    default:
      return `${sign}${random() * 10 ** (below(12) - 2)}`;
  }
}

describe.skipIf(!redisInstalled)("beside redis-server", () => {
  test("sums of random numbers", async () => {
    const redis = await RedisServer.start();
    try {
      const random = seededRandom("long doubles");
      for (let done = 0; done < PAIRS; done += PAIRS_AT_ONCE) {
        const pairs = Array.from({ length: PAIRS_AT_ONCE }, () => [someNumber(random), someNumber(random)] as const);
        const replies = await redis.connection.sendAll(
          pairs.flatMap(([value, increment]) => [
            ["SET", "k", value],
            ["INCRBYFLOAT", "k", increment],
          ]),
        );
        const theirs = pairs.map((pair, i) => [...pair, replies[i * 2 + 1] as string]);
        expect(pairs.map(([value, increment]) => [value, increment, answer(value, increment)])).toEqual(theirs);
      }
      expect(plainSums).toBeGreaterThan(PAIRS / 500);
    } finally {
      await redis.stop();
    }
  }, 120_000);
});

test("texts of the longest length, and beyond it", () => {
  const one = parseLongDouble(`1.${"0".repeat(5117)}`);
  expect(one === undefined ? "" : longDoubleText(one)).toBe("1");
  expect(parseLongDouble(`1.${"0".repeat(5118)}`)).toBeUndefined();
  expect(parseLongDouble(`0.${"0".repeat(5116)}1`)).toBeUndefined();
});
