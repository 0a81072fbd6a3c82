/** Huffman tables for given symbols (ITU-T T.81, K.2), as libjpeg makes them. */

const NOTHING = 256; // a symbol of its own, so that no code is all ones
const LONGEST = 16;

/**
 * The table, as in the file, for symbols that are used so often.
 *
 * @param {Uint32Array} counts uses of each of 256 symbols
 * @returns {Uint8Array} 16 numbers of codes by length, then the symbols
 */
export function optimalTable(counts) {
  const lengths = codeLengths(counts);
  const numbers = new Uint16Array(2 * NOTHING);
  for (const length of lengths.values()) numbers[length]++;
  shorten(numbers);
  let last = LONGEST;
  while (!numbers[last]) last--;
  numbers[last]--; // that of NOTHING
  const symbols = [...lengths.keys()].filter((symbol) => symbol !== NOTHING);
  symbols.sort((one, other) => lengths.get(one) - lengths.get(other) || one - other);
  return Uint8Array.of(...numbers.subarray(1, LONGEST + 1), ...symbols);
}

/** Lengths of the codes by symbol: the two least frequent ones become one, again and again; of equal ones, the last. */
function codeLengths(counts) {
  const groups = [{ count: 1, symbol: NOTHING, members: [NOTHING] }];
  counts.forEach((count, symbol) => count && groups.push({ count, symbol, members: [symbol] }));
  const lengths = new Map(groups.map(({ symbol }) => [symbol, 0]));
  while (groups.length > 1) {
    groups.sort((one, other) => other.count - one.count || one.symbol - other.symbol);
    const [next, least] = groups.splice(-2);
    const members = [...least.members, ...next.members];
    for (const symbol of members) lengths.set(symbol, lengths.get(symbol) + 1);
    groups.push({ count: least.count + next.count, symbol: least.symbol, members });
  }
  return lengths;
}

/** No code may have more than 16 bits (figure K.3). @param {Uint16Array} numbers of codes by length, changed in place */
function shorten(numbers) {
  for (let length = numbers.length - 1; length > LONGEST; length--) {
    while (numbers[length]) {
      let shorter = length - 2;
      while (!numbers[shorter]) shorter--;
      numbers[length] -= 2;
      numbers[length - 1]++;
      numbers[shorter + 1] += 2;
      numbers[shorter]--;
    }
  }
}
