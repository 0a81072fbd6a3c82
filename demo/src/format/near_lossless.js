/** Near-lossless pictures: levels of samples, coded as JPEG XL (docs/format.md, "Near-lossless pictures"). */

import { requirePlain } from "./jpeg_xl_header.js";

const WHITE = 255;

/**
 * A picture that is coded nearly without loss.
 *
 * @typedef {object} NearLossless
 * @property {number} width
 * @property {number} height
 * @property {number} upper step of the first rows
 * @property {number} lower step of the others
 * @property {number} rows that have the upper step
 * @property {Uint8Array} levels coded as JPEG XL
 *
 * A decoder of JPEG XL.
 *
 * @typedef {object} JpegXl
 * @property {(bytes: Uint8Array) => Promise<import("../picture.js").Picture | null>} decode null for other bytes
 */

/** The largest difference of a sample from the original, in levels. */
export const largestError = ({ upper, lower, rows }) => Math.max(lower, rows ? upper : 0) >> 1;

/**
 * The picture, as nearly as it was hidden.
 *
 * @param {NearLossless} near
 * @param {JpegXl} jpegXl
 * @throws {RangeError} the levels are damaged
 */
export async function decodeNearLossless({ width, height, upper, lower, rows, levels }, jpegXl) {
  requirePlain(levels, width, height);
  const picture = await jpegXl.decode(levels);
  if (picture?.width !== width || picture.height !== height) throw new RangeError("not a JPEG XL picture");
  const split = 3 * width * rows;
  restore(picture.data.subarray(0, split), upper);
  restore(picture.data.subarray(split), lower);
  return picture;
}

/** Turns levels into samples, in place. @throws {RangeError} one is too large for the step */
function restore(levels, step) {
  const most = Math.floor((WHITE + (step >> 1)) / step);
  for (let at = 0; at < levels.length; at++) {
    if (levels[at] > most) throw new RangeError("not levels of this step");
    levels[at] = Math.min(WHITE, levels[at] * step);
  }
}
