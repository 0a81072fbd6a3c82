/**
 * Costs of steps: by how much each one raises the squared error against what the network wrote before rounding. A sample
 * prefers its second-nearest level (Fridrich, Goljan, Soukal: Perturbed Quantization Steganography, Multimedia Systems
 * 11, 2005). Readers don't depend on costs.
 */

import { bitOf } from "./bytes.js";

const LEVEL = 508;
const HALF = LEVEL / 2;

/**
 * What samples should be minus what they are, never zero: a tie would favour one direction.
 *
 * @param {Int8Array} errors in 254ths of a level
 * @param {Uint8Array} random a bit for each sample
 * @returns {Int16Array} in 508ths
 */
export function withoutTies(errors, random) {
  const tilted = new Int16Array(errors.length);
  for (let sample = 0; sample < errors.length; sample++) {
    tilted[sample] = 2 * errors[sample] + 2 * bitOf(random, sample) - 1;
  }
  return tilted;
}

/** Cost of a step up; from 255 it goes down by two. @param {number} error of the sample, in 508ths of a level */
export const upCost = (value, error) => (value === 255 ? 4 * HALF + 2 * error : HALF - error);

/** Cost of a step down; from 0 it goes up by two. */
export const downCost = (value, error) => (value === 0 ? 4 * HALF - 2 * error : HALF + error);

/** A sample after a step of −1, 0 or 1. */
export function stepped(value, step) {
  const next = value + step;
  return next < 0 ? 2 : next > 255 ? 253 : next;
}

/** The cheaper step by one level, never by two. */
export function levelStep(value, error) {
  if (value === 0 || value === 255) return value === 0 ? 1 : -1;
  return error > 0 ? 1 : -1;
}
