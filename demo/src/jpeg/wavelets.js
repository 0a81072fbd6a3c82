/**
 * Effects of changes of DCT coefficients on the wavelet coefficients of a picture. The wavelets and the basis of the DCT are
 * separable, and so is the absolute value of their products: sums over 23×23 wavelet coefficients are two products with
 * matrices of 8×23.
 */

import { JPEG_COSTS } from "../constants.js";
import { mirrored } from "../format/costs.js";
import { COSINES } from "./shown.js";
import { SIDE } from "./tables.js";

const { STABILISER, WINDOW } = JPEG_COSTS; // WINDOW: wavelet coefficients, down or across, that a block has a part in
const [HIGH, LOW] = [JPEG_COSTS.HIGH, JPEG_COSTS.LOW].map((taps) => Float64Array.from(taps));
const TAPS = HIGH.length;
const REACH = WINDOW - SIDE; // rows of wavelet coefficients that a row of blocks shares with the next ones
const FILTERS = [LOW, HIGH];
/** Of each band the filter down, by its number, the one across, and their responses. */
const BANDS = [
  { vertical: 0, horizontal: HIGH },
  { vertical: 1, horizontal: LOW },
  { vertical: 1, horizontal: HIGH },
].map((band) => ({ ...band, down: responses(FILTERS[band.vertical]), across: responses(band.horizontal) }));

/** Absolute responses of a filter to the DCT's cosines: 23 times 8. */
function responses(taps) {
  const found = new Float64Array(WINDOW * SIDE);
  for (let frequency = 0; frequency < SIDE; frequency++) {
    for (let at = 0; at < WINDOW; at++) {
      let sum = 0;
      for (let place = 0; place < SIDE; place++) {
        const tap = at - place;
        if (tap >= 0 && tap < TAPS) sum += COSINES[frequency * SIDE + place] * taps[TAPS - 1 - tap];
      }
      found[at * SIDE + frequency] = Math.abs(sum);
    }
  }
  return found;
}

/**
 * A function that gives the changes by a unit of each coefficient in a row of blocks: for each block 64, by frequency
 * down and across. Rows must be asked for one after the other; each result is overwritten by the next.
 *
 * @param {Uint8ClampedArray} pixels (height, width)
 * @param {number} width multiple of 8
 * @param {number} height
 * @returns {(row: number) => Float64Array}
 */
export function makeWavelets(pixels, width, height) {
  const wide = width + REACH;
  const lines = FILTERS.map(() => new Float64Array(wide + REACH)); // a row of the picture, filtered down
  const weights = BANDS.map(() => new Float64Array(WINDOW * wide)); // of the rows that a row of blocks has a part in
  const tall = new Float64Array(SIDE * wide);
  const sums = new Float64Array(SIDE * width);

  return (row) => {
    if (row > 0) for (const each of weights) each.copyWithin(0, SIDE * wide);
    for (let at = row > 0 ? REACH : 0; at < WINDOW; at++) {
      const starts = Array.from({ length: TAPS }, (_, tap) => mirrored(SIDE * row + at - REACH + tap, height) * width);
      FILTERS.forEach((taps, index) => filterDown(pixels, starts, width, taps, lines[index]));
      BANDS.forEach(({ vertical, horizontal }, band) => {
        filterAcross(lines[vertical], horizontal, weights[band].subarray(at * wide, (at + 1) * wide));
      });
    }
    sums.fill(0);
    BANDS.forEach(({ down, across }, band) => {
      tall.fill(0);
      for (let at = 0; at < wide; at++) addProducts(weights[band], at, wide, down, tall, at);
      for (let line = 0; line < SIDE; line++) {
        for (let at = 0; at < width; at += SIDE) addProducts(tall, line * wide + at, 1, across, sums, SIDE * (at + line));
      }
    });
    return sums;
  };
}

/** Fills a line with sums over lines of the picture, which begin at `starts`; to its sides it is mirrored. */
function filterDown(pixels, starts, width, taps, line) {
  for (let at = 0; at < width; at++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) sum += taps[tap] * pixels[starts[tap] + at];
    line[REACH + at] = sum;
  }
  for (let at = 0; at < REACH; at++) {
    line[at] = line[REACH + mirrored(at - REACH, width)];
    line[REACH + width + at] = line[REACH + mirrored(width + at, width)];
  }
}

/** Weights of the wavelet coefficients in a line that is filtered down. */
function filterAcross(line, taps, weights) {
  for (let at = 0; at < weights.length; at++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) sum += taps[tap] * line[at + tap];
    weights[at] = 1 / (STABILISER + Math.abs(sum));
  }
}

/**
 * Adds the products of 23 values, every `stride`-th, with the responses of each of 8 frequencies to 8 sums, which stand
 * as far apart as the values. Written out, since it takes half of the time.
 */
function addProducts(values, start, stride, factors, sums, to) {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
  for (let at = 0, from = start, factor = 0; at < WINDOW; at++, from += stride, factor += SIDE) {
    const value = values[from];
    s0 += value * factors[factor];
    s1 += value * factors[factor + 1];
    s2 += value * factors[factor + 2];
    s3 += value * factors[factor + 3];
    s4 += value * factors[factor + 4];
    s5 += value * factors[factor + 5];
    s6 += value * factors[factor + 6];
    s7 += value * factors[factor + 7];
  }
  sums[to] += s0;
  sums[to + stride] += s1;
  sums[to + 2 * stride] += s2;
  sums[to + 3 * stride] += s3;
  sums[to + 4 * stride] += s4;
  sums[to + 5 * stride] += s5;
  sums[to + 6 * stride] += s6;
  sums[to + 7 * stride] += s7;
}
