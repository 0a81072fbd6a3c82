/**
 * The discrete cosine transform of blocks and its inverse, in whole numbers: libjpeg's accurate one (jfdctint.c and
 * jidctint.c, after Loeffler, Ligtenberg and Moschytz 1989).
 */

import { SIDE, SIZE } from "./tables.js";

const BITS = 13; // of the constants' fraction
const EXTRA = 2; // bits of fraction between the two passes
const fixed = (value) => Math.round(value * 2 ** BITS);
const [F0298, F0390, F0541, F0765] = [0.298631336, 0.390180644, 0.5411961, 0.765366865].map(fixed);
const [F0899, F1175, F1501, F1847] = [0.899976223, 1.175875602, 1.50132111, 1.847759065].map(fixed);
const [F1961, F2053, F2562, F3072] = [1.96157056, 2.053119869, 2.562915447, 3.072711026].map(fixed);
const rounded = (value, bits) => (value + (1 << (bits - 1))) >> bits;

/** Coefficients of a block, times 8, in place of its samples, which are around 0. @param {Int32Array} block */
export function forward(block) {
  for (let row = 0; row < SIZE; row += SIDE) forwardLine(block, row, 1, true);
  for (let col = 0; col < SIDE; col++) forwardLine(block, col, SIDE, false);
}

function forwardLine(block, first, step, isFirst) {
  const at = (index) => first + index * step;
  const even = (index) => block[at(index)] + block[at(7 - index)];
  const odd = (index) => block[at(index)] - block[at(7 - index)];
  const [s0, s1, s2, s3] = [even(0), even(1), even(2), even(3)];
  const [d7, d6, d5, d4] = [odd(0), odd(1), odd(2), odd(3)];
  const [t10, t13, t11, t12] = [s0 + s3, s0 - s3, s1 + s2, s1 - s2];
  const bits = isFirst ? BITS - EXTRA : BITS + EXTRA;
  block[at(0)] = isFirst ? (t10 + t11) << EXTRA : rounded(t10 + t11, EXTRA);
  block[at(4)] = isFirst ? (t10 - t11) << EXTRA : rounded(t10 - t11, EXTRA);
  const z = (t12 + t13) * F0541;
  block[at(2)] = rounded(z + t13 * F0765, bits);
  block[at(6)] = rounded(z - t12 * F1847, bits);
  const z5 = (d4 + d6 + d5 + d7) * F1175;
  const [z1, z2] = [-(d4 + d7) * F0899, -(d5 + d6) * F2562];
  const [z3, z4] = [z5 - (d4 + d6) * F1961, z5 - (d5 + d7) * F0390];
  block[at(7)] = rounded(d4 * F0298 + z1 + z3, bits);
  block[at(5)] = rounded(d5 * F2053 + z2 + z4, bits);
  block[at(3)] = rounded(d6 * F3072 + z2 + z3, bits);
  block[at(1)] = rounded(d7 * F1501 + z1 + z4, bits);
}

/** Samples of a block, around 0 and not clamped, in place of its coefficients. @param {Int32Array} block */
export function inverse(block) {
  for (let col = 0; col < SIDE; col++) inverseLine(block, col, SIDE, BITS - EXTRA);
  for (let row = 0; row < SIZE; row += SIDE) inverseLine(block, row, 1, BITS + EXTRA + 3);
}

function inverseLine(block, first, step, bits) {
  const get = (index) => block[first + index * step];
  const [c0, c1, c2, c3, c4, c5, c6, c7] = [get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7)];
  const z = (c2 + c6) * F0541;
  const [e2, e3] = [z - c6 * F1847, z + c2 * F0765];
  const [e0, e1] = [(c0 + c4) * 2 ** BITS, (c0 - c4) * 2 ** BITS];
  const [t10, t13, t11, t12] = [e0 + e3, e0 - e3, e1 + e2, e1 - e2];
  const z5 = (c7 + c3 + c5 + c1) * F1175;
  const [z1, z2] = [-(c7 + c1) * F0899, -(c5 + c3) * F2562];
  const [z3, z4] = [z5 - (c7 + c3) * F1961, z5 - (c5 + c1) * F0390];
  const [o0, o1] = [c7 * F0298 + z1 + z3, c5 * F2053 + z2 + z4];
  const [o2, o3] = [c3 * F3072 + z2 + z3, c1 * F1501 + z1 + z4];
  const put = (index, value) => (block[first + index * step] = rounded(value, bits));
  [put(0, t10 + o3), put(7, t10 - o3), put(1, t11 + o2), put(6, t11 - o2)];
  [put(2, t12 + o1), put(5, t12 - o1), put(3, t13 + o0), put(4, t13 - o0)];
}
