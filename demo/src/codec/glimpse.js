/**
 * Some blocks of a large picture, read alone: those of a container's header.
 *
 * Most of what is tried is wrong: the key, the salt, the size. So all blocks are read only where a header opens.
 */

import { MODEM } from "../constants.js";
import { toPlanes } from "../format/planes.js";
import { BLOCK, gridOf } from "../format/regions.js";
import { DITHER } from "../format/robust.js";
import { blank } from "../picture.js";

const { AROUND, MANY, PATCHES } = MODEM;
const SIDE = AROUND * PATCHES; // blocks

/** True if it is worth while. @param {import("../format/robust.js").Grid} grid */
export const isLarge = ({ rows, cols }) => Math.min(rows, cols) > 2 && rows * cols > MANY;

/**
 * Log-likelihood ratios as `revealBits`, of a header's blocks at no edge; 0 for all others. The modem must be local.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} picture
 * @param {Float32Array} dither planes (64, rows, cols)
 * @param {Uint32Array} header blocks that carry it
 */
export async function glimpse(engine, picture, dither, header) {
  const grid = gridOf(picture);
  const blocks = grid.rows * grid.cols;
  const chosen = header.filter((block) => isInner(block, grid));
  const bits = engine.modem.points.reduce((count, { bits }) => count + bits, 0);
  const ratios = new Float32Array(bits * blocks);
  for (let first = 0; first < chosen.length; first += PATCHES ** 2) {
    const some = chosen.subarray(first, first + PATCHES ** 2);
    const area = blank(BLOCK * SIDE, BLOCK * SIDE);
    const around = new Float32Array(DITHER * SIDE ** 2);
    for (const [index, block] of some.entries()) {
      const from = { row: Math.floor(block / grid.cols) - 1, col: (block % grid.cols) - 1 };
      const to = { row: AROUND * Math.floor(index / PATCHES), col: AROUND * (index % PATCHES) };
      copyPixels(picture, from, area, to);
      copyDither(dither, grid, from, around, to);
    }
    const read = await engine.run("modem.reveal", area.width, area.height, toPlanes(area), around);
    for (const [index, block] of some.entries()) {
      const middle = (AROUND * Math.floor(index / PATCHES) + 1) * SIDE + AROUND * (index % PATCHES) + 1;
      for (let bit = 0; bit < bits; bit++) ratios[bit * blocks + block] = read[bit * SIDE ** 2 + middle];
    }
  }
  return ratios;
}

/** True for blocks that are at no edge. */
function isInner(block, { rows, cols }) {
  const [row, col] = [Math.floor(block / cols), block % cols];
  return row > 0 && row < rows - 1 && col > 0 && col < cols - 1;
}

/** Copies a patch of AROUND × AROUND blocks, given the first of them in each picture. */
function copyPixels(picture, from, area, to) {
  for (let y = 0; y < BLOCK * AROUND; y++) {
    const start = 3 * ((BLOCK * from.row + y) * picture.width + BLOCK * from.col);
    const row = picture.data.subarray(start, start + 3 * BLOCK * AROUND);
    area.data.set(row, 3 * ((BLOCK * to.row + y) * area.width + BLOCK * to.col));
  }
}

/** The same of planes of a dither. */
function copyDither(dither, { rows, cols }, from, around, to) {
  for (let plane = 0; plane < DITHER; plane++) {
    for (let y = 0; y < AROUND; y++) {
      const start = (plane * rows + from.row + y) * cols + from.col;
      around.set(dither.subarray(start, start + AROUND), (plane * SIDE + to.row + y) * SIDE + to.col);
    }
  }
}
