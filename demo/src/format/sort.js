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
  const digits = new Uint16Array(bytes, 8 * first, 4 * count); // processors that run browsers are little-endian, too
  let order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  let sorted = new Uint32Array(count);
  for (let digit = 0; digit < 4; digit++) {
    const next = starts(digits, digit);
    for (let at = 0; at < count; at++) sorted[next[digits[4 * order[at] + digit]]++] = order[at];
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** The place of the first word with each value of a digit. */
function starts(digits, digit) {
  const counts = new Uint32Array(DIGIT + 1);
  for (let at = digit; at < digits.length; at += 4) counts[digits[at] + 1]++;
  for (let value = 0; value < DIGIT; value++) counts[value + 1] += counts[value];
  return counts;
}
