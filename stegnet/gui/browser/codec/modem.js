/** The modem at work on pictures: hides an operating point's bits, and reads how likely each bit is 1. */

import { MODEM } from "../../page/constants.js";
import { areasOf, canonicalSizes, saltsOfCopies, SURENESS } from "../format/grid.js";
import { BLOCK, gridOf, saltsOf, textureOf } from "../format/regions.js";
import { DITHER, ditherOf, drawDither, drawOrder, placesOf, readBits } from "../format/robust_record.js";
import { asView, blank, corner, isGrey, place, toPicture, toPlanes } from "../picture.js";

const { AROUND, MANY, PATCHES } = MODEM;
const SIDE = AROUND * PATCHES; // blocks

/** The part of a picture that is made of whole blocks. */
const hiddenArea = (picture, { rows, cols }) => corner(picture, BLOCK * cols, BLOCK * rows);

/**
 * Hides bits in a cover.
 *
 * @param {Uint8Array} bits planes (bits of the operating point, rows, cols) of 0 and 1
 * @param {Float32Array} dither planes (64, rows, cols)
 * @param {Uint32Array} [unused] blocks that carry nothing, and stay as they are
 * @returns {Promise<import("../picture.js").Picture>} the container; of a grey cover, a grey one
 */
export async function hideBits(engine, cover, point, bits, dither, unused = new Uint32Array()) {
  const grid = gridOf(cover);
  const blocks = grid.rows * grid.cols;
  const planes = engine.modem.points.reduce((count, { bits }) => count + bits, 0);
  const hidden = new Float32Array(planes * blocks + dither.length);
  hidden.set(
    Float32Array.from(bits, (bit) => 2 * bit - 1),
    point.first * blocks,
  );
  for (let bit = 0; bit < point.bits; bit++) {
    for (const block of unused) hidden[(point.first + bit) * blocks + block] = 0;
  }
  hidden.set(dither, planes * blocks);
  const area = hiddenArea(cover, grid);
  const computed = await engine.run("modem.hide", area.width, area.height, toPlanes(area), hidden);
  const container = { ...cover, data: cover.data.slice() };
  const { picture } = toPicture(isGrey(cover) ? lumas(computed) : computed, area.width, area.height);
  for (const block of unused) copyBlock(area, picture, Math.floor(block / grid.cols), block % grid.cols);
  place(picture, container);
  return container;
}

/** Planes of red, green and blue with the luma of each pixel in all three. */
function lumas(planes) {
  const size = planes.length / 3;
  const [red, green, blue] = [0, 1, 2].map((plane) => planes.subarray(plane * size, (plane + 1) * size));
  const luma = red.map((value, at) => 0.299 * value + 0.587 * green[at] + 0.114 * blue[at]);
  return Float32Array.from({ length: 3 * size }, (_, at) => luma[at % size]);
}

/** Copies a block of a picture to another picture of the same size. */
function copyBlock({ width, data }, to, row, col) {
  for (let y = BLOCK * row; y < BLOCK * (row + 1); y++) {
    const from = 3 * (y * width + BLOCK * col);
    to.data.set(data.subarray(from, from + 3 * BLOCK), from);
  }
}

/** Log-likelihood ratios of all bits, planes (bits of all operating points, rows, cols); arguments as `hideBits`. */
export async function revealBits(engine, container, dither) {
  const area = hiddenArea(container, gridOf(container));
  return engine.run("modem.reveal", area.width, area.height, toPlanes(area), dither);
}

/** The planes of one operating point. */
export const planesOf = (planes, { first, bits }, { rows, cols }) =>
  planes.subarray(first * rows * cols, (first + bits) * rows * cols);

/** A reader of robust containers, which derives each key only once. */
export function makeReader(engine, keys) {
  const known = new Map();
  return { keyOf, read, readOwn };

  /** The key of the containers with this salt. */
  async function keyOf(salt) {
    const name = salt.join();
    if (!known.has(name)) known.set(name, keys.robustKey(salt));
    return known.get(name);
  }

  /** The content of the record of a picture, or of a resized copy, with zeros at its end; null if nothing opens. */
  async function read(picture) {
    const grid = gridOf(picture);
    if (grid.rows * grid.cols === 0) return null;
    return (await readOwn(picture)) ?? readCopy(picture);
  }

  /**
   * As `read`, of a picture that was not resized.
   *
   * @param {number} [lost] one bit in so many is read as if it were lost, to see if all are needed; 0: none
   */
  async function readOwn(picture, lost = 0) {
    const textures = [textureOf(picture), null];
    for (const salt of await saltsOf(picture)) {
      const content = await readWith(asView(picture), await keyOf(salt), 1, textures, lost);
      if (content) return content;
    }
    return null;
  }

  async function readCopy(picture) {
    const salts = await saltsOfCopies(picture);
    const sizes = canonicalSizes(picture);
    for (const [done, size] of sizes.entries()) {
      engine.onProgress("resized", done, sizes.length);
      for (const area of areasOf(picture, size)) {
        for (const salt of salts) {
          const content = await readWith(area, (await keyOf(salt)).atSize(size), SURENESS);
          if (content) return content;
        }
      }
    }
    return null;
  }

  /**
   * @param {import("../picture.js").View} picture
   * @param {number} sureness factor of the modem's ratios
   * @param {Array<Float64Array | null>} textures by which blocks may have been chosen; null: by none
   */
  async function readWith(picture, key, sureness, textures = [null], lost = 0) {
    const grid = gridOf(picture);
    const blocks = grid.rows * grid.cols;
    const { isLocal, points } = engine.modem;
    const order = await drawOrder(blocks, key);
    let computed = null; // once
    const all = () => (computed ??= readAll());
    const isPart = isLocal && isLarge(grid) && points.length > 0;
    const dither = isPart && (await drawDither(blocks, key));
    const longest = points.reduce((most, point) => (point.bits < most.bits ? point : most), points[0]); // header, in blocks
    const ratiosOf = (ratios, point) => withLosses(planesOf(ratios, point, grid), lost);
    for (const texture of textures) {
      const only = (some) => glimpse(engine, picture, dither, some, sureness);
      const seen = isPart ? await only((await placesOf(order, longest, key, texture)).headerBlocks()) : await all();
      for (const point of points) {
        const ratiosIn = async (some) => ratiosOf(await (isPart && isFew(some, grid) ? only(some) : all()), point);
        const places = await placesOf(order, point, key, texture);
        const content = await readBits(ratiosOf(seen, point), grid, point, key, places, ratiosIn);
        if (content) return content;
      }
    }
    return null;

    async function readAll() {
      const whole = picture.part(0, 0, BLOCK * grid.cols, BLOCK * grid.rows);
      const ratios = await revealBits(engine, whole, await ditherOf(grid, key));
      return sureness === 1 ? ratios : ratios.map((ratio) => sureness * ratio);
    }
  }
}

/** Ratios of which one in so many is 0; all of them, if that is 0. */
const withLosses = (ratios, lost) => (lost ? ratios.map((ratio, place) => (place % lost ? ratio : 0)) : ratios);

/** True if it is worth while. */
const isLarge = ({ rows, cols }) => Math.min(rows, cols) > 2 && rows * cols > MANY;

/** True if it takes less to read some blocks, each with those around it, than to read them all. */
const isFew = (some, { rows, cols }) => AROUND ** 2 * some.length < rows * cols;

/**
 * Log-likelihood ratios as `revealBits`, times a factor, of some blocks at no edge; 0 for all others. The modem must be
 * local.
 *
 * @param {import("../picture.js").View} picture
 * @param {(block: number, place: number) => number} dither as of `drawDither`
 */
async function glimpse(engine, picture, dither, wanted, factor) {
  const grid = gridOf(picture);
  const blocks = grid.rows * grid.cols;
  const chosen = wanted.filter((block) => {
    const [row, col] = [Math.floor(block / grid.cols), block % grid.cols];
    return row > 0 && row < grid.rows - 1 && col > 0 && col < grid.cols - 1;
  });
  const bits = engine.modem.points.reduce((count, { bits }) => count + bits, 0);
  const ratios = new Float32Array(bits * blocks);
  const reveal = engine.modem.revealMiddles ?? ((...inputs) => engine.run("modem.reveal", ...inputs));
  for (let first = 0; first < chosen.length; first += PATCHES ** 2) {
    const some = chosen.subarray(first, first + PATCHES ** 2);
    const area = blank(BLOCK * SIDE, BLOCK * SIDE);
    const around = new Float32Array(DITHER * SIDE ** 2);
    for (const [index, block] of some.entries()) {
      const from = { row: Math.floor(block / grid.cols) - 1, col: (block % grid.cols) - 1 };
      const to = { row: AROUND * Math.floor(index / PATCHES), col: AROUND * (index % PATCHES) };
      const patch = picture.part(BLOCK * from.col, BLOCK * from.row, BLOCK * AROUND, BLOCK * AROUND);
      place(patch, area, BLOCK * to.col, BLOCK * to.row);
      copyDither(dither, grid, from, around, to);
    }
    const read = await reveal(area.width, area.height, toPlanes(area), around);
    for (const [index, block] of some.entries()) {
      const middle = (AROUND * Math.floor(index / PATCHES) + 1) * SIDE + AROUND * (index % PATCHES) + 1;
      for (let bit = 0; bit < bits; bit++) ratios[bit * blocks + block] = factor * read[bit * SIDE ** 2 + middle];
    }
  }
  return ratios;
}

/** Copies the dither of a patch of AROUND × AROUND blocks to planes, given the first of them in each picture. */
function copyDither(dither, { cols }, from, planes, to) {
  for (let row = 0; row < AROUND; row++) {
    for (let col = 0; col < AROUND; col++) {
      const [block, place] = [(from.row + row) * cols + from.col + col, (to.row + row) * SIDE + to.col + col];
      for (let plane = 0; plane < DITHER; plane++) planes[plane * SIDE ** 2 + place] = dither(block, plane);
    }
  }
}
