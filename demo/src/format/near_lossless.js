/** Near-lossless pictures: levels of samples, coded as JPEG XL or by a network (docs/format.md, "Near-lossless pictures"). */

import { PREDICTED, RECORD } from "../constants.js";
import { requirePlain } from "./jpeg_xl_header.js";
import { decodePredicted } from "./predicted.js";

const WHITE = 255;
const MAY_HOLD = new Map(RECORD.MAY_HOLD); // pixels that a coder may hold in any number of bytes, and for each byte
const RESTORED = new Map(PREDICTED.RESTORED); // largest errors without and with restoring by the network

/**
 * A picture that is coded nearly without loss.
 *
 * @typedef {object} NearLossless
 * @property {number} width
 * @property {number} height
 * @property {number} upper step of the first rows
 * @property {number} lower step of the others
 * @property {number} rows that have the upper step
 * @property {number} coder of the levels
 * @property {Uint8Array} levels as it codes them
 *
 * A decoder of JPEG XL.
 *
 * @typedef {object} JpegXl
 * @property {(bytes: Uint8Array) => Promise<import("../picture.js").Picture | null>} decode null for other bytes
 *
 * All decoders.
 *
 * @typedef {object} LevelDecoders
 * @property {JpegXl} jpegXl
 * @property {import("./predicted.js").Predictor} predictor
 */

/** The largest difference of a sample from the original, in levels. */
export function largestError({ upper, lower, rows, coder }) {
  const error = Math.max(lower, rows ? upper : 0) >> 1;
  return (coder === RECORD.NETWORK && RESTORED.get(error)) || error;
}

/**
 * The picture, as nearly as it was hidden.
 *
 * @param {NearLossless} near
 * @param {LevelDecoders} decoders
 * @throws {RangeError} the levels are damaged
 */
export async function decodeNearLossless({ width, height, upper, lower, rows, coder, levels }, decoders) {
  const [always, forEachByte] = MAY_HOLD.get(coder);
  if (width * height > Math.max(always, forEachByte * levels.length)) throw new RangeError("far too few bytes");
  if (coder === RECORD.NETWORK) {
    const parts = [
      { step: upper, rows },
      { step: lower, rows: height - rows },
    ].filter((part) => part.rows > 0);
    return { width, height, data: await decodePredicted(levels, { width, height, parts }, decoders.predictor) };
  }
  requirePlain(levels, width, height);
  const picture = await decoders.jpegXl.decode(levels);
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
