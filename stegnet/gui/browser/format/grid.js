/** Resized containers: canonical sizes, at which copies of any size are read (docs/format.md, "Resized containers"). */

import { GRID } from "../../page/constants.js";
import { asView, blank } from "../picture.js";
import { resize, resized } from "../resize.js";
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
 *
 * @param {import("../picture.js").Picture} picture
 * @returns {Generator<import("../picture.js").View>}
 */
export function* areasOf(picture, { width, height }) {
  const view = asView(picture);
  yield resized(view, width, height);
  if (Math.max(view.width, view.height) < BLURRED * Math.max(width, height)) {
    yield resized(sharpened(view), width, height);
  }
}

/** A view filtered by SHARPEN down and across; the pixels at its edges stay. */
function sharpened({ width, height, part: seen }) {
  return { width, height, part };

  function part(left, top, wide, high) {
    const [x, y] = [Math.max(left - 1, 0), Math.max(top - 1, 0)];
    const around = seen(x, y, Math.min(left + wide + 1, width) - x, Math.min(top + high + 1, height) - y);
    return asView(filtered(around)).part(left - x, top - y, wide, high);
  }
}

/** A picture filtered but for its edges. */
function filtered({ width, height, data }) {
  const result = blank(width, height);
  result.data.set(data);
  const row = 3 * width;
  for (let y = 1; y < height - 1; y++) {
    for (let place = y * row + 3; place < (y + 1) * row - 3; place++) {
      let sum = 0.5;
      for (const [down, weight] of SHARPEN.entries()) {
        const above = place + (down - 1) * row;
        sum += weight * (SHARPEN[0] * data[above - 3] + SHARPEN[1] * data[above] + SHARPEN[2] * data[above + 3]);
      }
      result.data[place] = Math.min(Math.max(Math.floor(sum), 0), 255);
    }
  }
  return result;
}
