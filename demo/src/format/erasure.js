/**
 * An erasure code over GF(2⁸) (docs/format.md, "Spread files"): any K shares give all others. Share x is P(x), byte by
 * byte, where P is a polynomial of degree below K; bytes and numbers are elements of the field.
 */

import { ERASURE } from "../constants.js";

export const { SHARES } = ERASURE; // at most
const { ORDER, POLYNOMIAL } = ERASURE; // of the field's multiplicative group, and of the field
const powers = new Uint8Array(ORDER);
const logs = new Uint8Array(SHARES);
for (let exponent = 0, power = 1; exponent < ORDER; exponent++) {
  powers[exponent] = power;
  logs[power] = exponent;
  power <<= 1;
  if (power >= SHARES) power ^= POLYNOMIAL;
}

/**
 * The share of this number, given K shares by Lagrange's formula.
 *
 * @param {number} number 0 to 255
 * @param {number[]} numbers of the given shares, K different ones
 * @param {Uint8Array[]} shares of equal length
 */
export function valueAt(number, numbers, shares) {
  const total = new Uint8Array(shares[0].length);
  for (const [index, share] of shares.entries()) {
    const products = multiples(weight(number, numbers, index));
    for (let at = 0; at < total.length; at++) total[at] ^= products[share[at]];
  }
  return total;
}

/** The factor of a share in the sum. */
function weight(number, numbers, index) {
  const own = numbers[index];
  if (numbers.includes(number)) return Number(own === number);
  let log = 0;
  for (const other of numbers) if (other !== own) log += logs[number ^ other] + ORDER - logs[own ^ other];
  return powers[log % ORDER];
}

/** The products of an element with 0 to 255. */
const multiples = (factor) =>
  Uint8Array.from({ length: SHARES }, (_, value) => (factor && value ? powers[(logs[factor] + logs[value]) % ORDER] : 0));
