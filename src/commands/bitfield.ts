/** BITFIELD and BITFIELD_RO: integers of any width within a string. All operations are parsed before the first is done. */
import { Span } from "../util/span.ts";
import { bitsToChange, type Field, fieldAt, fieldValue, setField } from "./bit-args.ts";
import type { Context } from "./context.ts";
import { ReplyError, syntaxError } from "./errors.ts";
import { integer64 } from "./parse.ts";
import { stringAt } from "./string-value.ts";

type Overflow = "WRAP" | "SAT" | "FAIL";
const OVERFLOWS: readonly Overflow[] = ["WRAP", "SAT", "FAIL"];

interface Operation {
  readonly kind: "GET" | "SET" | "INCRBY";
  readonly field: Field;
  /** The value or the increment. */
  readonly operand: bigint;
  readonly overflow: Overflow;
}

const OLD = new Span();
const INTO = new Span();

export function bitfieldRo(c: Context): void {
  const operations = parse(c);
  if (writes(operations)) throw new ReplyError("ERR BITFIELD_RO only supports the GET subcommand");
  read(c, operations);
}

export function bitfield(c: Context): void {
  const operations = parse(c);
  if (!writes(operations)) {
    read(c, operations);
    return;
  }
  const isLonger = makeRoom(c, operations);
  const { reply } = c;
  reply.array(operations.length);
  let changes = 0;
  for (const operation of operations) {
    const { kind, field } = operation;
    const old = fieldValue(INTO, field);
    if (kind === "GET") {
      reply.integer(old);
      continue;
    }
    const value = newValue(old, operation);
    if (value === null) {
      reply.nil();
      continue;
    }
    reply.integer(kind === "SET" ? old : value);
    setField(INTO, field, value);
    if (isLonger || old !== value) changes++;
  }
  c.server.keyspace.dirty += changes;
}

function writes(operations: readonly Operation[]): boolean {
  return operations.some(({ kind }) => kind !== "GET");
}

function read(c: Context, operations: readonly Operation[]): void {
  stringAt(c, 1, OLD);
  c.reply.array(operations.length);
  for (const { field } of operations) c.reply.integer(fieldValue(OLD, field));
}

function parse(c: Context): Operation[] {
  const { args } = c;
  const operations: Operation[] = [];
  let overflow: Overflow = "WRAP";
  for (let i = 2; i < args.count; ) {
    const left = args.count - i - 1;
    if (args.is(i, "GET") && left >= 2) {
      operations.push({ kind: "GET", field: fieldAt(c, i + 1), operand: 0n, overflow });
      i += 3;
    } else if ((args.is(i, "SET") || args.is(i, "INCRBY")) && left >= 3) {
      const kind = args.is(i, "SET") ? "SET" : "INCRBY";
      operations.push({ kind, field: fieldAt(c, i + 1), operand: integer64(c, i + 3), overflow });
      i += 4;
    } else if (args.is(i, "OVERFLOW") && left >= 1) {
      const kind = OVERFLOWS.find((word) => args.is(i + 1, word));
      if (kind === undefined) throw new ReplyError("ERR Invalid OVERFLOW type specified");
      overflow = kind;
      i += 2;
    } else throw syntaxError();
  }
  return operations;
}

/** Makes the string, at INTO, long enough for everything that is written, even if nothing will be; whether it has grown. */
function makeRoom(c: Context, operations: readonly Operation[]): boolean {
  let last = 0;
  for (const { kind, field } of operations) {
    if (kind !== "GET") last = Math.max(last, field.offset + field.bits - 1);
  }
  return bitsToChange(c, last, INTO);
}

/** What the field will hold, null where it stays as it is (FAIL). */
function newValue(old: bigint, operation: Operation): bigint | null {
  const { field, operand, kind } = operation;
  return field.signed
    ? newSigned(kind === "SET" ? operand : old, kind === "SET" ? 0n : operand, operation)
    : newUnsigned(BigInt.asUintN(64, kind === "SET" ? operand : old), kind === "SET" ? 0n : operand, operation);
}

function newSigned(value: bigint, increment: bigint, { field, overflow }: Operation): bigint | null {
  const max = (1n << BigInt(field.bits - 1)) - 1n;
  const sum = value + increment;
  if (sum >= -max - 1n && sum <= max) return sum;
  if (overflow === "FAIL") return null;
  if (overflow === "WRAP") return BigInt.asIntN(field.bits, sum);
  // Redis computes the room above in 64 bits: far below, it wraps, and the value goes up to the top.
  const room = BigInt.asIntN(64, max - value);
  return sum > max || (field.bits < 64 && increment > room) ? max : -max - 1n;
}

function newUnsigned(value: bigint, increment: bigint, { field, overflow }: Operation): bigint | null {
  const max = (1n << BigInt(field.bits)) - 1n;
  const sum = value + increment;
  if (value <= max && sum >= 0n && sum <= max) return sum;
  if (overflow === "FAIL") return null;
  if (overflow === "WRAP") return BigInt.asUintN(field.bits, sum);
  return value > max || sum > max ? max : 0n;
}
