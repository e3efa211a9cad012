import { expect, test } from "bun:test";
import { Scratch } from "./scratch.ts";

const HUGE = 5 * 2 ** 20;

test("grows in powers of two, and gives the same bytes while they suffice", () => {
  const scratch = new Scratch();
  const first = scratch.bytes(10);
  expect(scratch.bytes(first.length)).toBe(first);
  expect(scratch.bytes(1000).length).toBe(1024);
  expect(scratch.bytes(3).length).toBe(1024);
});

test("a huge piece stays while it is in use now and then, and goes when it is not", () => {
  const scratch = new Scratch();
  const huge = scratch.bytes(HUGE);
  for (let i = 0; i < 1000; i++) {
    scratch.bytes(11);
    expect(scratch.bytes(HUGE)).toBe(huge);
  }
  for (let i = 0; i < 1000; i++) scratch.bytes(11);
  expect(scratch.bytes(11).length).toBe(64);
});
