/**
 * Costs of changing a JPEG's coefficients by J-UNIWARD (Holub, Fridrich, Denemark: Universal distortion function for
 * steganography in an arbitrary domain, EURASIP JIS 2014:1), as stegnet/jpeg/samples.py has them. Readers don't
 * depend on them.
 *
 * The wavelets and the basis of the DCT are separable, and so is the absolute value of their products: sums over 23×23
 * wavelet coefficients are two products with matrices of 8×23.
 */

import { COSTS, JPEG_COSTS } from "../../page/constants.js";
import { finalCosts, middle, mirrored } from "../format/costs.js";
import { COSINES, shownLuma } from "./blocks.js";
import { stepsOf } from "./coefficients.js";
import { roundingDirections } from "./jpeg_cover.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";

const { STABILISER, WINDOW } = JPEG_COSTS; // WINDOW: wavelet coefficients, down or across, that a block has a part in
const { MEDIAN, WET } = COSTS;
const { ESTIMATED, KNOWN, RATIONAL, TIE } = JPEG_COSTS; // RATIONAL: coefficients whose cosines are, but for the first
const CARRIED = SIZE - 1;

/**
 * Costs of the steps of luma's samples.
 *
 * @param {Float32Array | null} options.errors what rounding took from luma's coefficients: a step towards it costs 1
 *   − 2·|error| of others, at least 0.3 (Denemark, Fridrich: Side-informed steganography with additive distortion,
 *   WIFS 2015); null: it is not known, and estimated
 */
export function coefficientCosts(jpeg, samples, random, { errors, onProgress }) {
  const pixels = shownLuma(jpeg);
  const changes = relativeChanges(jpeg, pixels, onProgress);
  const factor = MEDIAN / medianOf(changes, jpeg.planes[0]);
  const wet = clippedBlocks(pixels, jpeg.file.components[0]);
  const isOnce = frequenciesOfOnes(jpeg.planes[0]);
  const directions = errors ? null : roundingDirections(pixels, jpeg);
  // Gain of a step up, or (negative) of one down; ties that only rational cosines give are no gain.
  const gain = (at, place) => {
    if (directions) return ESTIMATED * directions[at];
    const gained = 2 * errors[at];
    const isTie = RATIONAL.includes(place) && Math.abs(gained) >= TIE;
    return isTie ? 0 : Math.min(Math.max(gained, -KNOWN), KNOWN);
  };
  const levels = (sign) => {
    const found = new Uint16Array(changes.length);
    for (let at = 0; at < found.length; at++) {
      const [block, place] = [Math.floor(at / CARRIED), at % CARRIED];
      const cost = factor * changes[at] * (1 - Math.max(sign * gain(block * SIZE + 1 + place, place), 0));
      const isCut = !isOnce[place] && jpeg.planes[0][block * SIZE + 1 + place] === 0;
      found[at] = wet[block] || isCut ? WET : Math.min(Math.max(cost, 1), WET);
    }
    return found;
  };
  return finalCosts(samples, { up: levels(1), down: levels(-1) }, random);
}

/** The change of wavelet coefficients, each relative to its own size, that a step of each sample makes. */
function relativeChanges(jpeg, pixels, onProgress) {
  const [{ rows, cols }] = jpeg.file.components;
  const steps = stepsOf(jpeg, 0);
  const changes = new Float32Array(rows * cols * CARRIED);
  const changesIn = makeWavelets(pixels, SIDE * cols, SIDE * rows);
  for (let row = 0, to = 0; row < rows; row++) {
    const natural = changesIn(row);
    for (let block = 0; block < cols; block++) {
      for (let at = 1; at < SIZE; at++) changes[to++] = natural[SIZE * block + ZIGZAG[at]] * steps[at];
    }
    onProgress("costs", row + 1, rows);
  }
  return changes;
}

/** The median of the coefficients that are not 0, if there are any. */
function medianOf(changes, luma) {
  const used = changes.filter((_, at) => luma[at + 1 + Math.floor(at / CARRIED)] !== 0);
  const some = used.length ? used : changes;
  const place = middle(new Int32Array(some.buffer)); // bits of positive floats are in their order
  return new Float32Array(Int32Array.of(place).buffer)[0];
}

/** 1 for each frequency at which an encoder made a 1 or −1: some cut off frequencies, or what is small. */
function frequenciesOfOnes(luma) {
  const found = new Uint8Array(CARRIED);
  luma.forEach((level, at) => at % SIZE && (level === 1 || level === -1) && (found[(at % SIZE) - 1] = 1));
  return found;
}

/** 1 for each block with a pixel at an end of the range. */
function clippedBlocks(pixels, { rows, cols }) {
  const found = new Uint8Array(rows * cols);
  for (let at = 0; at < pixels.length; at++) {
    if (pixels[at] > 0 && pixels[at] < 255) continue;
    const [y, x] = [Math.floor(at / (SIDE * cols)), at % (SIDE * cols)];
    found[(y >> 3) * cols + (x >> 3)] = 1;
  }
  return found;
}

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
 */
function makeWavelets(pixels, width, height) {
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
