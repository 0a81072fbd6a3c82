/** The keyed shuffle of a picture's blocks, and the keyed mask of its samples (docs/format.md, "The pixels"). */

import { SHUFFLE } from "../../page/constants.js";
import { argsort, stream } from "./ciphers.js";

const { NEGATIVE } = SHUFFLE;
const MASK_START = 0x80; // the mask's keystream begins at counter 2^127

/**
 * @typedef {object} Shuffle
 * @property {Uint32Array} permutation the block shown at n stood at permutation[n]
 * @property {Uint8Array} turns of each block: bit 4 transposes first, bits 1 and 2 count quarter turns
 *   counter-clockwise, bit 8 negates
 */

/** The shuffle drawn from a 32-byte key. */
export async function drawShuffle(key, blocks) {
  const bytes = await stream(key, 9 * blocks);
  return { permutation: argsort(bytes, blocks), turns: new Uint8Array(bytes, 8 * blocks) };
}

/**
 * The mask that hides what a container's samples mean, where they count modulo a period.
 *
 * @param {Uint8Array} key the shuffle's
 * @param {number} period in [0, 1); with 0 there is no mask
 * @returns {Promise<Float32Array>} (3, height, width) in [0, period)
 */
export async function drawMask(key, width, height, period) {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  if (period === 0) return planes;
  const words = new Uint16Array(await stream(key, 6 * area, MASK_START));
  for (let channel = 0, to = 0; channel < 3; channel++) {
    for (let from = channel; from < words.length; from += 3) planes[to++] = (words[from] / 2 ** 16) * period;
  }
  return planes;
}

/**
 * Shuffles the blocks of three planes.
 *
 * @param {Float32Array} planes (3, height, width)
 * @param {number} width a multiple of the block
 * @param {number} block its side
 */
export const shuffled = (planes, width, block, shuffle) => movedBlocks(planes, width, block, shuffle, false);

/** Undoes `shuffled`. */
export const unshuffled = (planes, width, block, shuffle) => movedBlocks(planes, width, block, shuffle, true);

function movedBlocks(planes, width, block, { permutation, turns }, isUndone) {
  const result = new Float32Array(planes.length);
  const cols = width / block;
  const corner = (index) => Math.floor(index / cols) * block * width + (index % cols) * block;
  const inside = Array.from({ length: 8 }, (_, turn) => turned(turn, block, width));
  for (let index = 0; index < permutation.length; index++) {
    const sign = turns[index] & NEGATIVE ? -1 : 1;
    const [to, from] = [corner(index), corner(permutation[index])];
    const [upright, stood] = [inside[0], inside[turns[index] & 7]]; // offsets of its pixels where it is shown, and stood
    for (let plane = 0; plane < planes.length; plane += planes.length / 3) {
      for (let at = 0; at < stood.length; at++) {
        const [shown, own] = [plane + to + upright[at], plane + from + stood[at]];
        if (isUndone) result[own] = sign * planes[shown];
        else result[shown] = sign * planes[own];
      }
    }
  }
  return result;
}

/** The original offset of each pixel of a turned block. */
function turned(turn, block, width) {
  const last = block - 1;
  return Uint32Array.from({ length: block * block }, (_, pixel) => {
    let [y, x] = [Math.floor(pixel / block), pixel % block];
    for (let quarter = turn & 3; quarter > 0; quarter--) [y, x] = [x, last - y];
    return turn & 4 ? x * width + y : y * width + x;
  });
}
