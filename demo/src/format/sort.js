/** Sorting of 64-bit words. */

const DIGIT = 2 ** 16;

/**
 * The stable ascending argsort of little-endian 64-bit words: a radix sort, by 16 bits at a time.
 *
 * @param {ArrayBuffer} bytes
 * @param {number} count of the words
 * @param {number} [first] words before them in the bytes
 * @returns {Uint32Array}
 */
export function argsort(bytes, count, first = 0) {
  const words = new DataView(bytes, 8 * first);
  let order = Uint32Array.from({ length: count }, (_, index) => index);
  let sorted = new Uint32Array(count);
  for (let digit = 0; digit < 4; digit++) {
    const digitOf = (index) => words.getUint16(8 * index + 2 * digit, true);
    const next = starts(order, digitOf);
    for (const index of order) sorted[next[digitOf(index)]++] = index;
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** The place of the first index with each digit. */
function starts(order, digitOf) {
  const counts = new Uint32Array(DIGIT + 1);
  for (const index of order) counts[digitOf(index) + 1]++;
  for (let digit = 0; digit < DIGIT; digit++) counts[digit + 1] += counts[digit];
  return counts;
}
