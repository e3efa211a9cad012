/** A stable merge sort of numbers that stand for things, in slices: a long sort need not hold up the event loop. */

/**
 * Sorts `items` by `compare` (<0, 0, >0), yielding after about `stepsPerSlice` comparisons. Returns the sorted items: in
 * the same array or another one.
 */
export function* mergeSort(
  items: Uint32Array,
  compare: (a: number, b: number) => number,
  stepsPerSlice: number,
): Generator<void, Uint32Array, void> {
  const { length } = items;
  let from = items;
  let to = new Uint32Array(length);
  let steps = 0;
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(middle + width, length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takeLeft = right === end || (left < middle && compare(from[left] as number, from[right] as number) <= 0);
        to[at] = from[takeLeft ? left++ : right++] as number;
        if (++steps % stepsPerSlice === 0) yield;
      }
    }
    [from, to] = [to, from as Uint32Array<ArrayBuffer>];
  }
  return from;
}
