/** Pictures as planes of luma and colour differences, the latter perhaps halved, rounded as libjpeg does. */

import { SIDE } from "./tables.js";

/**
 * A plane of 8-bit samples.
 *
 * @typedef {{width: number, height: number, samples: Uint8Array}} Plane
 */

const HALF = 1 << 15;
const clamped = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Y, Cb and Cr (JFIF). @param {import("../picture.js").Picture} picture @returns {Plane[]} */
export function toYcc({ width, height, data }) {
  const [y, cb, cr] = [0, 1, 2].map(() => new Uint8Array(width * height));
  for (let pixel = 0, at = 0; pixel < y.length; pixel++) {
    const [red, green, blue] = [data[at++], data[at++], data[at++]];
    y[pixel] = (19595 * red + 38470 * green + 7471 * blue + HALF) >> 16;
    cb[pixel] = (-11059 * red - 21709 * green + 32768 * blue + (128 << 16) + HALF - 1) >> 16;
    cr[pixel] = (32768 * red - 27439 * green - 5329 * blue + (128 << 16) + HALF - 1) >> 16;
  }
  return [y, cb, cr].map((samples) => ({ width, height, samples }));
}

/** Undoes `toYcc`, up to rounding. */
export function fromYcc([y, cb, cr]) {
  const data = new Uint8Array(3 * y.samples.length);
  for (let pixel = 0, at = 0; pixel < y.samples.length; pixel++) {
    const [luma, blue, red] = [y.samples[pixel], cb.samples[pixel] - 128, cr.samples[pixel] - 128];
    data[at++] = clamped(luma + ((91881 * red + HALF) >> 16));
    data[at++] = clamped(luma + ((-22554 * blue - 46802 * red + HALF) >> 16));
    data[at++] = clamped(luma + ((116130 * blue + HALF) >> 16));
  }
  return { width: y.width, height: y.height, data };
}

/**
 * Means of two by two samples; halves are rounded down and up in turns. To the right, the plane's edge goes on to the
 * end of a block.
 *
 * @param {Plane} plane @returns {Plane}
 */
export function halved({ width, height, samples }) {
  const half = { width: SIDE * Math.ceil(width / 2 / SIDE), height: Math.ceil(height / 2) };
  const result = new Uint8Array(half.width * half.height);
  for (let y = 0; y < half.height; y++) {
    const [upper, lower] = [2 * y * width, Math.min(2 * y + 1, height - 1) * width];
    for (let x = 0; x < half.width; x++) {
      const [left, right] = [Math.min(2 * x, width - 1), Math.min(2 * x + 1, width - 1)];
      const sum = samples[upper + left] + samples[upper + right] + samples[lower + left] + samples[lower + right];
      result[y * half.width + x] = (sum + 1 + (x & 1)) >> 2;
    }
  }
  return { ...half, samples: result };
}

/**
 * A halved plane, more than two samples wide, at its full size again: each sample is 9/16 of the nearest one and 3/16,
 * 3/16 and 1/16 of its neighbours ("fancy upsampling").
 *
 * @param {Plane} plane @returns {Plane}
 */
export function doubled({ width: stride, height: rows, samples }, width, height) {
  const result = new Uint8Array(width * height);
  const half = Math.ceil(width / 2);
  const sums = new Int32Array(half);
  for (let y = 0; y < height; y++) {
    const near = y >> 1;
    const far = Math.min(Math.max(y & 1 ? near + 1 : near - 1, 0), rows - 1);
    for (let x = 0; x < half; x++) sums[x] = 3 * samples[near * stride + x] + samples[far * stride + x];
    for (let x = 0; x < width; x++) {
      const [at, isRight] = [x >> 1, x & 1];
      const beside = sums[Math.min(Math.max(isRight ? at + 1 : at - 1, 0), half - 1)];
      result[y * width + x] = (3 * sums[at] + beside + (isRight ? 7 : 8)) >> 4;
    }
  }
  return { width, height, samples: result };
}
