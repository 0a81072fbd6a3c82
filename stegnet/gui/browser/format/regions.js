/** The salt of a robust container, by mean lumas of its regions, and the texture of its blocks (docs/format.md). */

import { KEYS, MODEM, REGIONS, ROBUST_RECORD } from "../../page/constants.js";
import { join } from "./bytes.js";

export const { BLOCK } = MODEM; // pixels
const { SALT_BYTES } = KEYS;
const { LUMA, REGIONS: EACH } = REGIONS; // EACH: regions in a row and in a column
const { MOST_NEAR, MOST_SALTS, NEAR, STEP } = ROBUST_RECORD; // NEAR: levels between a mean and an edge that codecs may move it over
const LEVELS = 256;
const PURPOSE = new TextEncoder().encode(ROBUST_RECORD.SALT);

/** Rows and columns of blocks. */
export const gridOf = ({ width, height }) => ({ rows: Math.floor(height / BLOCK), cols: Math.floor(width / BLOCK) });

/**
 * The salts that a picture may have had before a codec changed it; the likeliest first.
 *
 * @param {import("../picture.js").Picture} picture of at least one block
 * @returns {Promise<Uint8Array[]>}
 */
export const saltsOf = (picture) => saltsFrom(PURPOSE, regionMeans(picture), STEP);

/**
 * The salts, as `saltsOf`, of regions of these mean lumas.
 *
 * @param {Uint8Array} prefix is hashed before the steps
 * @param {number[]} means in levels
 * @param {number} step in levels
 */
export async function saltsFrom(prefix, means, step) {
  const steps = means.map((mean) => stepOf(mean, step));
  const near = [...steps.keys()]
    .filter((region) => steps[region].distance < NEAR)
    .sort((one, other) => steps[one].distance - steps[other].distance)
    .slice(0, MOST_NEAR);
  const subsets = Array.from({ length: 1 << near.length }, (_, bits) => near.filter((_, at) => (bits >> at) & 1));
  const far = (regions) => regions.reduce((sum, region) => sum + steps[region].distance, 0);
  const chosen = subsets.sort((one, other) => far(one) - far(other)).slice(0, MOST_SALTS);
  const moved = (regions) => steps.map(({ own, other }, at) => (regions.includes(at) ? other : own));
  const hashes = chosen.map((regions) => crypto.subtle.digest("SHA-256", join(prefix, moved(regions))));
  return (await Promise.all(hashes)).map((hash) => new Uint8Array(hash, 0, SALT_BYTES));
}

/** The step that a mean is in, the one across the nearer edge, and the distance to that edge in levels. */
function stepOf(mean, step) {
  const own = Math.floor(mean / step);
  const inside = mean - step * own;
  const isUpper = inside >= step / 2;
  const other = isUpper ? own + 1 : own - 1;
  const isEnd = other < 0 || other >= LEVELS / step;
  return { own, other, distance: isEnd ? Infinity : isUpper ? step * (own + 1) - mean : inside };
}

/** Mean luma of each region, in levels, row by row. */
export function regionMeans(picture) {
  const { rows, cols } = gridOf(picture);
  const [down, across] = [spans(rows), spans(cols)];
  return down.flatMap((rowSpan) => across.map((colSpan) => meanLuma(picture, rowSpan, colSpan)));
}

/** From exact sums. */
function meanLuma({ width, data }, [top, bottom], [left, right]) {
  let sum = 0;
  for (let y = top; y < bottom; y++) {
    for (let at = 3 * (y * width + left); at < 3 * (y * width + right); at += 3) {
      sum += LUMA[0] * data[at] + LUMA[1] * data[at + 1] + LUMA[2] * data[at + 2];
    }
  }
  return sum / ((bottom - top) * (right - left)) / 1000;
}

/** Spans of the regions in pixels: of all blocks but the first and the last, if there are enough. */
function spans(blocks) {
  const border = blocks >= EACH + 2 ? 1 : 0;
  const inner = blocks - 2 * border;
  const parts = Math.min(inner, EACH);
  const edge = (index) => BLOCK * (border + Math.floor((inner * index) / parts));
  return Array.from({ length: parts }, (_, index) => [edge(index), edge(index + 1)]);
}

const [RED, GREEN, BLUE] = REGIONS.LUMA; // thousandths

/**
 * The sum of the deviations of luma in each block's eight neighbours; the nearest block serves where there is none.
 *
 * @returns {Float64Array} (rows, cols)
 */
export function textureOf(picture) {
  const { rows, cols } = gridOf(picture);
  const deviations = Float64Array.from({ length: rows * cols }, (_, block) =>
    deviationOf(picture, Math.floor(block / cols), block % cols),
  );
  const at = (row, col) => deviations[clamped(row, rows) * cols + clamped(col, cols)];
  const around = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((across) => [down, across]));
  return deviations.map((own, block) => {
    const [row, col] = [Math.floor(block / cols), block % cols];
    return around.reduce((sum, [down, across]) => sum + at(row + down, col + across), -own);
  });
}

const clamped = (index, count) => Math.min(Math.max(index, 0), count - 1);

/** 64 times the standard deviation of a block's luma in levels, both rounded down. */
function deviationOf({ width, data }, row, col) {
  let [sum, squares] = [0, 0];
  for (let y = BLOCK * row; y < BLOCK * (row + 1); y++) {
    const start = 3 * (y * width + BLOCK * col);
    for (let at = start; at < start + 3 * BLOCK; at += 3) {
      const luma = Math.floor((RED * data[at] + GREEN * data[at + 1] + BLUE * data[at + 2]) / 1000);
      sum += luma;
      squares += luma * luma;
    }
  }
  return Math.floor(Math.sqrt(BLOCK * BLOCK * squares - sum * sum));
}
