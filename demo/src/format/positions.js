/** Positions of the samples that carry sealed bits (docs/format.md, "Sealed bits"). */

import { stream } from "./ciphers.js";

const SALT_BITS = 128;

/**
 * Indices of samples in ascending order, and the direction of each one's step.
 *
 * @typedef {{indices: Uint32Array, signs: Int8Array}} Positions
 */

/** Public: the middle of each of 128 equal cells. @returns {Positions} */
export function saltPositions(samples) {
  const cell = Math.floor(samples / SALT_BITS);
  return {
    indices: Uint32Array.from({ length: SALT_BITS }, (_, index) => index * cell + Math.floor(cell / 2)),
    signs: Int8Array.from({ length: SALT_BITS }, (_, index) => (index % 2 ? -1 : 1)),
  };
}

/**
 * One sample in each of `count` equal cells of those that are not taken.
 *
 * @param {number} samples of the picture
 * @param {Uint8Array} key of the positions
 * @param {number} count
 * @param {Uint32Array} taken ascending
 * @returns {Promise<Positions>}
 */
export async function keyedPositions(samples, key, count, taken) {
  const cell = Math.floor((samples - taken.length) / count);
  const words = new DataView(await stream(key, 4 * count));
  const indices = new Uint32Array(count);
  const signs = new Int8Array(count);
  let skipped = 0;
  for (let index = 0; index < count; index++) {
    const word = words.getUint32(4 * index, true);
    const free = index * cell + ((word >>> 1) % cell);
    // taken[skipped] samples come before that taken one, and `skipped` of them are taken too.
    while (skipped < taken.length && taken[skipped] - skipped <= free) skipped++;
    indices[index] = free + skipped;
    signs[index] = word & 1 ? 1 : -1;
  }
  return { indices, signs };
}

/** Indices of several parts, ascending. */
export function merged(...parts) {
  const all = new Uint32Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}
