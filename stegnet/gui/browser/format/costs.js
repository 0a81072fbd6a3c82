/**
 * Costs of steps: what a step at a sample gives away, or how much it adds to the error. Readers don't depend on them.
 * Their last bits are random: of equal costs, a search would prefer some.
 */

/** Costs of a step up and of a step down: @typedef {{up: Uint16Array, down: Uint16Array}} StepCosts */

import { COSTS } from "../../page/constants.js";

const RANDOM = 7;
const { MEDIAN, SHARP, WET } = COSTS; // of a median sample, and of one that should stay; SHARP is divided by texture
export const MAX_COST = WET + RANDOM;
const PARTS = 16; // of a 254th of a level
const HALF = 127 * PARTS;

/**
 * The squared error that a step adds to a rounded sample: least towards the second-nearest level (Fridrich, Goljan,
 * Soukal: Perturbed Quantization Steganography, Multimedia Systems 11, 2005).
 *
 * @param {Int8Array} errors of each: what it should be minus what it is, in 254ths of a level
 * @returns {StepCosts} from 255 a step up goes down by two, and from 0 a step down goes up by two
 */
export function roundingCosts(samples, errors, random) {
  const [up, down] = [new Uint16Array(samples.length), new Uint16Array(samples.length)];
  const drawn = random(samples.length);
  for (let at = 0; at < samples.length; at++) {
    const error = PARTS * errors[at] + 2 * (drawn[at] % PARTS) + 1 - PARTS;
    up[at] = samples[at] === 255 ? 4 * HALF + 2 * error : HALF - error;
    down[at] = samples[at] === 0 ? 4 * HALF - 2 * error : HALF + error;
  }
  return { up, down };
}

/**
 * Low costs in texture, high ones in smooth areas.
 *
 * @param {boolean} grey the samples of a pixel move together, and so cost the same: as much as the dearest
 */
export function textureCosts(picture, grey, random) {
  const { data } = picture;
  const levels = textureLevels(picture);
  const up = new Uint16Array(data.length);
  for (let at = 0; at < data.length; at++) up[at] = levels[(at / 3) | 0];
  const costs = finalCosts(data, { up, down: up.slice() }, random);
  for (const each of grey ? [costs.up, costs.down] : []) {
    for (let at = 0; at < each.length; at += 3) {
      each[at] = each[at + 1] = each[at + 2] = Math.max(each[at], each[at + 1], each[at + 2]);
    }
  }
  return costs;
}

/** Costs with random last bits, in place of levels from 1 to WET; of steps beyond the range, the highest. */
export function finalCosts(samples, { up, down }, random) {
  const drawn = random(samples.length);
  for (let at = 0; at < samples.length; at++) {
    const last = drawn[at] & RANDOM;
    up[at] = samples[at] === 255 ? MAX_COST : up[at] + last;
    down[at] = samples[at] === 0 ? MAX_COST : down[at] + (last ^ RANDOM);
  }
  return { up, down };
}

/**
 * Cost of each pixel by HILL (Li, Wang, Huang, Li: A new cost function for spatial image steganography, ICIP 2014), in
 * integers; the high-pass residuals of the channels are added first.
 *
 * @returns {Uint16Array} 1 to WET
 */
export function textureLevels(picture) {
  const { width, height } = picture;
  const texture = boxSums(highPass(picture), width, height, 1);
  for (let at = 0; at < texture.length; at++) texture[at] = Math.floor(SHARP / Math.max(texture[at], 1));
  const sums = boxSums(texture, width, height, 7);
  const factor = MEDIAN / Math.max(middle(sums), 1);
  const levels = new Uint16Array(sums.length);
  for (let at = 0; at < sums.length; at++) levels[at] = Math.min(Math.max(sums[at] * factor, 1), WET);
  return levels;
}

/** Absolute Ker-Böhme residuals, [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], of the three channels, added. */
function highPass({ width, height, data }) {
  const result = new Int32Array(width * height);
  const row = 3 * width;
  const down = new Int16Array(row);
  for (let y = 0, to = 0; y < height; y++) {
    const [here, above, below] = [y, Math.max(y - 1, 0), Math.min(y + 1, height - 1)].map((line) => line * row);
    for (let at = 0; at < row; at++) down[at] = 2 * data[here + at] - data[above + at] - data[below + at];
    for (let x = 0; x < width; x++, to++) {
      const left = x ? -3 : 0;
      const right = x < width - 1 ? 3 : 0;
      for (let at = 3 * x; at < 3 * x + 3; at++) {
        result[to] += Math.abs(2 * down[at] - down[at + left] - down[at + right]);
      }
    }
  }
  return result;
}

/** Sums over squares of 2·reach + 1 values a side, the borders mirrored. @param {Int32Array} values (height, width) */
function boxSums(values, width, height, reach) {
  const down = new Int32Array(values.length);
  const column = new Int32Array(width);
  const addRow = (y, sign) => {
    const from = mirrored(y, height) * width;
    for (let x = 0; x < width; x++) column[x] += sign * values[from + x];
  };
  for (let y = -reach; y < reach; y++) addRow(y, 1);
  for (let y = 0; y < height; y++) {
    addRow(y + reach, 1);
    down.set(column, y * width);
    addRow(y - reach, -1);
  }
  const result = new Int32Array(values.length);
  for (let y = 0; y < height; y++) addAcross(down.subarray(y * width, (y + 1) * width), reach, result, y * width);
  return result;
}

/** Writes the sums over 2·reach + 1 values of a row. */
function addAcross(row, reach, result, to) {
  const width = row.length;
  let sum = 0;
  for (let x = -reach; x < reach; x++) sum += row[mirrored(x, width)];
  for (let x = 0; x < width; x++) {
    sum += row[x + reach < width ? x + reach : mirrored(x + reach, width)];
    result[to + x] = sum;
    sum -= row[x < reach ? mirrored(x - reach, width) : x - reach];
  }
}

/** A place inside for one outside, as often as it takes: −1 is 0, and `size` is `size` − 1. */
export function mirrored(at, size) {
  const inside = ((at % (2 * size)) + 2 * size) % (2 * size);
  return inside < size ? inside : 2 * size - 1 - inside;
}

const HALF_BITS = 16;

/** The middle one of values from 0 to 2³¹ − 1: first its upper bits, then the lower ones. */
export function middle(values) {
  let rank = values.length >> 1;
  let upper = -1;
  for (const shift of [HALF_BITS, 0]) {
    const counts = new Uint32Array(2 ** HALF_BITS);
    for (const value of values) if (shift || value >> HALF_BITS === upper) counts[(value >> shift) & 0xffff]++;
    let found = 0;
    while (rank >= counts[found]) rank -= counts[found++];
    if (!shift) return upper * 2 ** HALF_BITS + found;
    upper = found;
  }
}

/** A sample after a step of −1, 0 or 1; where that leaves the range, it goes the other way by two. */
export function stepped(value, step) {
  const next = value + step;
  return next < 0 ? 2 : next > 255 ? 253 : next;
}
