/** Resized containers: canonical sizes, at which copies of any size are read (docs/format.md, "Resized containers"). */

import { GRID } from "../../page/constants.js";
import { blank } from "../picture.js";
import { resize } from "../resize.js";
import { BLOCK, regionMeans, saltsFrom } from "./regions.js";

const { BLURRED, LEAST_SHARE, PER_DOUBLING, SALT_STEP, SHORTEST, SIDE, THUMBNAIL } = GRID; // see stegnet/methods/robust/grid.py
/** The inverse, about, of reducing by a triangle (1 / sinc²), down or across. */
const SHARPEN = [-SIDE, 1 + 2 * SIDE, -SIDE];
export const { SURENESS } = GRID; // of log-likelihood ratios after resampling, for which the modem was not trained
const PURPOSE = new TextEncoder().encode("stegnet/1/robust/resized/salt");

/**
 * The canonical sizes that a picture may have had, if this is a resized copy of it; the largest first.
 *
 * The sides of a copy are rounded: where the short side of a size is near an edge, both sides of it are possible.
 *
 * @returns {{width: number, height: number}[]} whole blocks
 */
export function canonicalSizes({ width, height }) {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const sides = ladder(long).filter((side) => side >= LEAST_SHARE * long);
  return sides.flatMap((side) => {
    const [exact, error] = [(side * short) / long / BLOCK, side / long / BLOCK];
    const blocks = new Set([exact - error, exact + error].map((some) => Math.max(1, Math.floor(some + 0.5))));
    const others = [...blocks].map((count) => BLOCK * count);
    return others.map((other) => (height <= width ? { width: side, height: other } : { width: other, height: side }));
  });
}

/** The long sides of canonical sizes, up to a number of pixels; the largest first. */
function ladder(most) {
  const sides = [];
  for (let step = 0; ; step++) {
    const side = BLOCK * Math.round((SHORTEST / BLOCK) * 2 ** (step / PER_DOUBLING));
    if (side > most) return sides.reverse();
    sides.push(side);
  }
}

/** The salts that a picture of any size may have had, the likeliest first. @returns {Promise<Uint8Array[]>} */
export const saltsOfCopies = (picture) =>
  saltsFrom(PURPOSE, regionMeans(resize(picture, THUMBNAIL, THUMBNAIL)), SALT_STEP);

/**
 * A picture at a canonical size; then, of a copy that is not much larger, with what a linear filter has taken from it
 * put back.
 */
export function* areasOf(picture, { width, height }) {
  yield resize(picture, width, height);
  if (Math.max(picture.width, picture.height) < BLURRED * Math.max(width, height)) {
    yield resize(sharpened(picture), width, height);
  }
}

/** A picture filtered by SHARPEN down and across; the pixels at its edges stay. */
function sharpened({ width, height, data }) {
  const result = blank(width, height);
  result.data.set(data);
  const row = 3 * width;
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * row + 3; at < (y + 1) * row - 3; at++) {
      let sum = 0.5;
      for (const [down, weight] of SHARPEN.entries()) {
        const above = at + (down - 1) * row;
        sum += weight * (SHARPEN[0] * data[above - 3] + SHARPEN[1] * data[above] + SHARPEN[2] * data[above + 3]);
      }
      result.data[at] = Math.min(Math.max(Math.floor(sum), 0), 255);
    }
  }
  return result;
}
