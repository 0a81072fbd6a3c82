/** The texture around each block, by which those that carry something are chosen (docs/format.md, "Texture"). */

import { REGIONS } from "../constants.js";
import { BLOCK, gridOf } from "./regions.js";

const [RED, GREEN, BLUE] = REGIONS.LUMA; // thousandths

/**
 * The sum of the deviations of luma in each block's eight neighbours; the nearest block serves where there is none.
 *
 * @param {import("../picture.js").Picture} picture
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
