/** The means of a picture's 8×8 blocks, and their lossless compression (docs/format.md, "Base"). */

import { BASE } from "../constants.js";
import { deflate, inflate } from "./deflate.js";
import { roundEven } from "./planes.js";

export const { CELL } = BASE;

/** The mean of each 8×8 block, rounded: (rows, cols, 3). @param {import("../picture.js").Picture} picture */
export function blockMeans({ width, height, data }) {
  const [rows, cols] = [height / CELL, width / CELL];
  const sums = new Uint32Array(rows * cols * 3);
  for (let y = 0, sample = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * cols;
    for (let x = 0; x < width; x++) {
      const cell = 3 * (row + Math.floor(x / CELL));
      for (let channel = 0; channel < 3; channel++) sums[cell + channel] += data[sample++];
    }
  }
  return Uint8Array.from(sums, (sum) => roundEven(sum / CELL ** 2));
}

/** A picture that has each mean throughout its block. */
export function enlarged(means, width, height) {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, sample = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * (width / CELL);
    for (let x = 0; x < width; x++) {
      const cell = 3 * (row + Math.floor(x / CELL));
      for (let channel = 0; channel < 3; channel++) data[sample++] = means[cell + channel];
    }
  }
  return { width, height, data };
}

/** Upper bound of `pack`'s bytes for this many 8×8 blocks: DEFLATE stores what it can't compress. */
export const maxPackedBytes = (blocks) => 3 * blocks + 5 * (Math.floor((3 * blocks) / 16000) + 1) + 16;

/**
 * @param {Uint8Array} means (rows, cols, 3)
 * @returns {Promise<Uint8Array>} red and blue minus green, each row minus the one above, each column minus the
 *   one before; zlib
 */
export function pack(means, rows, cols) {
  const planes = new Uint8Array(means.length);
  const at = (y, x, channel) => {
    if (y < 0 || x < 0) return 0;
    const pixel = 3 * (y * cols + x);
    return channel === 1 ? means[pixel + 1] : means[pixel + channel] - means[pixel + 1];
  };
  let next = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < cols; x++) {
        planes[next++] = at(y, x, channel) - at(y - 1, x, channel) - at(y, x - 1, channel) + at(y - 1, x - 1, channel);
      }
    }
  }
  return deflate(planes);
}

/**
 * The means that `pack` compressed.
 *
 * @throws {RangeError} not the bytes of such means
 */
export async function unpack(bytes, rows, cols) {
  const planes = await inflate(bytes, 3 * rows * cols);
  const means = new Uint8Array(planes.length);
  for (let channel = 0; channel < 3; channel++) {
    const plane = planes.subarray(channel * rows * cols, (channel + 1) * rows * cols);
    for (let y = 0; y < rows; y++) {
      for (let x = 0, sum = 0; x < cols; x++) {
        sum += plane[y * cols + x];
        means[3 * (y * cols + x) + channel] = sum + (y ? means[3 * ((y - 1) * cols + x) + channel] : 0);
      }
    }
  }
  for (let pixel = 0; pixel < means.length; pixel += 3) {
    means[pixel] += means[pixel + 1];
    means[pixel + 2] += means[pixel + 1];
  }
  return means;
}
