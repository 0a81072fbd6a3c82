/**
 * Records in two layers: trits in samples modulo 3, and more in ⌊sample / 3⌋ modulo 3 (docs/format.md, "Two layers"; after
 * Filler, Judas, Fridrich: Minimizing Additive Distortion in Steganography Using Syndrome-Trellis Codes, IEEE TIFS 6(3),
 * 2011, section VI). Costs are squared errors.
 */

import { TWO_LAYERS } from "../constants.js";
import { bytesIn, fromTrits, layoutFor, mostTrits, readTrits, stepsFor, toTrits, tritsFor } from "./trellis.js";

const { DIVISOR, LEAST_ROWS, MOST_SECOND, OF_ONE_LAYER, OF_RECORD } = TWO_LAYERS; // LEAST_ROWS: of a lane
const WEIGHT = 2 ** 10; // of a squared error of one level; at most 60 are added, and costs have 16 bits
const RANDOM = 127; // last bits of a cost, which decide between equal errors

/** The largest sealed record in two layers of so many samples, in bytes. */
export const mostLayered = (samples) => bytesIn(samples) + mostCoded(Math.floor(samples * MOST_SECOND));

/** Bytes that fit into one coded layer in any case. */
const mostCoded = (samples) => bytesIn(mostTrits(samples));

/**
 * The division of a sealed record between the layers.
 *
 * @param {number} size of the record in bytes
 * @returns {{first: number, plain: boolean} | null} first: bytes in the first layer; plain: each trit of that is a sample
 *   modulo 3; null: the record is too large, or too small for two layers
 */
export function divide(size, samples) {
  const one = mostCoded(samples);
  const coded = Math.floor((OF_ONE_LAYER * one + OF_RECORD * size) / DIVISOR);
  const plain = coded >= one;
  const first = plain ? bytesIn(samples) : coded;
  return first < size && size <= mostLayered(samples) ? { first, plain } : null;
}

/**
 * Samples that hold a record in two layers, at a small squared error.
 *
 * @param {Uint8Array} values not changed
 * @param {Uint8Array} record of a size that can be divided
 * @param {number} height of the code
 */
export function writeLayered(values, record, height, random) {
  const { first, plain } = divide(record.length, values.length);
  const low = toTrits(record.subarray(0, first));
  const steps = plain ? plainSteps(values, low) : codedSteps(values, low, height, costsOf(values, values, 1, random));
  const between = moved(values, steps, 1);
  const high = toTrits(record.subarray(first));
  return moved(between, codedSteps(thirds(between), high, height, costsOf(between, values, 3, random)), 3);
}

/** The record of `size` bytes that samples hold in two layers; null if they hold none. */
export function readLayered(values, size, height) {
  const division = divide(size, values.length);
  if (!division) return null;
  const { first, plain } = division;
  const low = plain ? readPlain(values, first) : readCoded(values, first, height);
  const high = low && readCoded(thirds(values), size - first, height);
  if (!high) return null;
  const record = new Uint8Array(size);
  record.set(low);
  record.set(high, first);
  return record;
}

const readPlain = (values, size) => fromTrits(values.slice(0, tritsFor(size)).map((value) => value % 3), size);

function readCoded(values, size, height) {
  const trits = readTrits(values, layoutFor(tritsFor(size), values.length, LEAST_ROWS), height);
  return fromTrits(trits.subarray(0, tritsFor(size)), size);
}

/** What the second layer's trits are in. */
const thirds = (values) => values.map((value) => Math.floor(value / 3));

/** Steps after which the first samples are the trits modulo 3. */
function plainSteps(values, trits) {
  const steps = new Int8Array(values.length);
  for (let at = 0; at < trits.length; at++) {
    const missing = (trits[at] + 3 - (values[at] % 3)) % 3;
    steps[at] = missing === 2 ? -1 : missing;
  }
  return steps;
}

/** The cheapest steps after which samples hold trits in the code of a record. */
const codedSteps = (values, trits, height, costs) =>
  stepsFor(values, trits, layoutFor(trits.length, values.length, LEAST_ROWS), height, costs);

/** Samples after steps of so many levels; one that would leave the range goes the other way, twice as far. */
function moved(values, steps, levels) {
  const result = new Uint8Array(values.length);
  for (let at = 0; at < values.length; at++) result[at] = values[at] + change(values[at], steps[at], levels);
  return result;
}

function change(value, step, levels) {
  const next = value + step * levels;
  return next < 0 || next > 255 ? -2 * step * levels : step * levels;
}

/**
 * What steps of so many levels add to the squared error.
 *
 * @param {Uint8Array} before the samples that the error is counted from
 * @returns {import("./costs.js").StepCosts}
 */
function costsOf(values, before, levels, random) {
  const [up, down] = [new Uint16Array(values.length), new Uint16Array(values.length)];
  const drawn = random(values.length);
  for (let at = 0; at < values.length; at++) {
    const error = values[at] - before[at];
    const last = drawn[at] & RANDOM;
    up[at] = WEIGHT * ((error + change(values[at], 1, levels)) ** 2 - error ** 2) + last;
    down[at] = WEIGHT * ((error + change(values[at], -1, levels)) ** 2 - error ** 2) + (last ^ RANDOM);
  }
  return { up, down };
}
