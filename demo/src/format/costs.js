/**
 * Costs of steps: by how much each one raises the squared error against what the network wrote before rounding. A
 * sample prefers its second-nearest level (Fridrich, Goljan, Soukal: Perturbed Quantization Steganography, Multimedia
 * Systems 11, 2005). Readers don't depend on costs.
 */

const PARTS = 16; // of a 254th of a level
const HALF = 127 * PARTS;

/**
 * What samples should be minus what they are, none zero and few equal: ties would favour a direction, and some places.
 *
 * @param {Int8Array} errors in 254ths of a level
 * @param {Uint8Array} random a byte for each sample
 * @returns {Int16Array} in 4,064ths
 */
export function withoutTies(errors, random) {
  const tilted = new Int16Array(errors.length);
  for (let sample = 0; sample < errors.length; sample++) {
    tilted[sample] = PARTS * errors[sample] + 2 * (random[sample] % PARTS) + 1 - PARTS;
  }
  return tilted;
}

/** Cost of a step up; from 255 it goes down by two. @param {number} error of the sample, in 4,064ths of a level */
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
