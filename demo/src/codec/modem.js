/** The modem at work on pictures: hides an operating point's bits, and reads how likely each bit is 1. */

import { areasOf, canonicalSizes, saltsOfCopies, SURENESS } from "../format/canonical.js";
import { ditherOf, placesOf, readBits } from "../format/robust.js";
import { toPicture, toPlanes } from "../format/planes.js";
import { BLOCK, gridOf, saltsOf } from "../format/regions.js";
import { textureOf } from "../format/texture.js";
import { corner, isGrey, place } from "../picture.js";
import { glimpse, isLarge } from "./glimpse.js";

/** The part of a picture that is made of whole blocks. */
const hiddenArea = (picture, { rows, cols }) => corner(picture, BLOCK * cols, BLOCK * rows);

/**
 * Hides bits in a cover.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} cover
 * @param {import("../format/rungs.js").OperatingPoint} point
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

/** Planes of red, green and blue with the luma of each pixel in all three. @param {Float32Array} planes */
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

/**
 * A reader of robust containers, which derives each key only once.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../format/keys.js").KeySource} keys
 */
export function makeReader(engine, keys) {
  const known = new Map();
  return { keyOf, read, readOwn };

  /** The key of the containers with this salt. @param {Uint8Array} salt */
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
    const orders = [textureOf(picture), null];
    for (const salt of await saltsOf(picture)) {
      const content = await readWith(picture, await keyOf(salt), 1, orders, lost);
      if (content) return content;
    }
    return null;
  }

  async function readCopy(picture) {
    const salts = await saltsOfCopies(picture);
    for (const size of canonicalSizes(picture)) {
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
   * @param {number} sureness factor of the modem's ratios
   * @param {Array<Float64Array | null>} orders textures by which blocks may have been chosen; null: by none
   */
  async function readWith(picture, key, sureness, orders = [null], lost = 0) {
    const grid = gridOf(picture);
    const { isLocal, points } = engine.modem;
    const dither = await ditherOf(grid, key);
    const scaled = (ratios) => (sureness === 1 ? ratios : ratios.map((ratio) => sureness * ratio));
    const all = once(async () => scaled(await revealBits(engine, picture, dither)));
    const isPart = isLocal && isLarge(grid) && points.length > 0;
    const longest = points.reduce((most, point) => (point.bits < most.bits ? point : most), points[0]); // header, in blocks
    const ratiosOf = (ratios, point) => withLosses(planesOf(ratios, point, grid), lost);
    for (const order of orders) {
      const header = isPart && (await placesOf(grid.rows * grid.cols, longest, key, order)).headerBlocks();
      const seen = isPart ? scaled(await glimpse(engine, picture, dither, header)) : await all();
      for (const point of points) {
        const allOfPoint = async () => ratiosOf(await all(), point);
        const content = await readBits(ratiosOf(seen, point), grid, point, key, allOfPoint, order);
        if (content) return content;
      }
    }
    return null;
  }
}

/** Ratios of which one in so many is 0; all of them, if that is 0. */
const withLosses = (ratios, lost) => (lost ? ratios.map((ratio, place) => (place % lost ? ratio : 0)) : ratios);

/** A function that computes its result at its first call. */
function once(compute) {
  let result = null;
  return () => (result ??= compute());
}
