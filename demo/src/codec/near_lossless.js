/** Revealing a near-lossless picture. */

import { PageError } from "../errors.js";
import { decodeNearLossless, largestError } from "../format/near_lossless.js";

/**
 * @param {import("../format/near_lossless.js").NearLossless} near
 * @param {import("../format/near_lossless.js").LevelDecoders} decoders
 * @returns {Promise<{secret: import("../picture.js").Picture, within: number}>} within: the largest difference of a
 *   sample from the original, in levels
 * @throws {PageError} the picture is damaged
 */
export async function revealNearLossless(near, decoders) {
  try {
    return { secret: await decodeNearLossless(near, decoders), within: largestError(near) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PageError(
      `The hidden picture is damaged (${error.message}).`,
      "It is revealed whole or not at all: ask the sender to hide it again.",
    );
  }
}
