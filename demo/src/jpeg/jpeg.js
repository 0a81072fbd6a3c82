/**
 * JPEG as libjpeg codes it, byte for byte: canvases of different browsers choose other tables and other chroma.
 */

import { join } from "../format/bytes.js";
import { isGrey } from "../picture.js";
import { forward, inverse } from "./dct.js";
import { BitWriter } from "./huffman.js";
import { doubled, fromYcc, halved, toYcc } from "./planes.js";
import { CODES, SIDE, SIZE, stepsAt, ZIGZAG } from "./tables.js";

const JFIF = [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]; // version 1.1, square pixels, no thumbnail

/**
 * A colour component of a picture.
 *
 * @typedef {object} Component
 * @property {import("./planes.js").Plane} plane
 * @property {number} cols blocks in a row
 * @property {number} rows of blocks
 * @property {Uint8Array} steps of its coefficients
 * @property {Int16Array} levels quantised coefficients, block by block
 */

/**
 * A picture as a JPEG file, a grey one as grey.
 *
 * @param {number} quality 1 to 100
 * @param {boolean} [fullChroma] 4:4:4 instead of 4:2:0
 */
export function encodeJpeg(picture, quality, fullChroma = false) {
  const components = quantised(picture, quality, fullChroma);
  const [luma, chroma] = components.map(({ steps }) => ZIGZAG.map((place) => steps[place]));
  const { width, height } = picture;
  const size = [8, height >> 8, height & 0xff, width >> 8, width & 0xff];
  if (isGrey(picture)) {
    return join(
      ...[[0xff, 0xd8], segment(0xe0, JFIF), segment(0xdb, [0], luma), segment(0xc0, size, [1, 1, 0x11, 0])],
      ...[segment(0xc4, [0], CODES.luma.dc), segment(0xc4, [0x10], CODES.luma.ac)],
      ...[segment(0xda, [1, 1, 0, 0, 63, 0]), scanOfGrey(components[0]), [0xff, 0xd9]],
    );
  }
  const samplings = fullChroma ? [0x11, 0x11, 0x11] : [0x22, 0x11, 0x11];
  const frame = [...size, 3];
  return join(
    ...[[0xff, 0xd8], segment(0xe0, JFIF), segment(0xdb, [0], luma), segment(0xdb, [1], chroma)],
    segment(0xc0, frame, ...samplings.map((sampling, index) => [index + 1, sampling, Math.min(index, 1)])),
    ...[segment(0xc4, [0], CODES.luma.dc), segment(0xc4, [0x10], CODES.luma.ac)],
    ...[segment(0xc4, [1], CODES.chroma.dc), segment(0xc4, [0x11], CODES.chroma.ac)],
    segment(0xda, [3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]),
    ...[scan(components, fullChroma), [0xff, 0xd9]],
  );
}

/** Pixels that a viewer shows of a picture that was saved as JPEG; arguments as `encodeJpeg`. */
export function throughJpeg(picture, quality, fullChroma = false) {
  const { width, height } = picture;
  const [y, ...colours] = quantised(picture, quality, fullChroma).map(decodedPlane);
  return fromYcc([y, ...colours.map((plane) => (fullChroma ? plane : doubled(plane, width, height)))]);
}

function segment(marker, ...parts) {
  const body = join(...parts);
  return join([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 0xff], body);
}

/** The components of a picture. @returns {Component[]} */
function quantised(picture, quality, fullChroma) {
  const { luma, chroma } = stepsAt(quality);
  const [y, ...colours] = toYcc(picture);
  const planes = fullChroma ? colours : colours.map(halved);
  return [component(y, luma), ...planes.map((plane) => component(plane, chroma))];
}

function component(plane, steps) {
  const [cols, rows] = [Math.ceil(plane.width / SIDE), Math.ceil(plane.height / SIDE)];
  const levels = new Int16Array(cols * rows * SIZE);
  const block = new Int32Array(SIZE);
  for (let number = 0; number < cols * rows; number++) {
    take(plane, SIDE * (number % cols), SIDE * Math.floor(number / cols), block);
    forward(block);
    for (let at = 0; at < SIZE; at++) {
      const step = SIDE * steps[at];
      const size = Math.floor((Math.abs(block[at]) + (step >> 1)) / step);
      levels[number * SIZE + at] = block[at] < 0 ? -size : size;
    }
  }
  return { plane, cols, rows, steps, levels };
}

/** Fills a block with samples around 0; the plane's edges go on beyond it. */
function take({ width, height, samples }, left, top, block) {
  for (let at = 0; at < SIZE; at++) {
    const [x, y] = [Math.min(left + (at % SIDE), width - 1), Math.min(top + (at >> 3), height - 1)];
    block[at] = samples[y * width + x] - 128;
  }
}

/** The plane that a decoder finds. @param {Component} component */
function decodedPlane({ plane: { width, height }, cols, steps, levels }) {
  const samples = new Uint8ClampedArray(width * height);
  const block = new Int32Array(SIZE);
  for (let number = 0; number * SIZE < levels.length; number++) {
    const [left, top] = [SIDE * (number % cols), SIDE * Math.floor(number / cols)];
    for (let at = 0; at < SIZE; at++) block[at] = levels[number * SIZE + at] * steps[at];
    inverse(block);
    for (let at = 0; at < SIZE; at++) {
      const [x, y] = [left + (at % SIDE), top + (at >> 3)];
      if (x < width && y < height) samples[y * width + x] = block[at] + 128;
    }
  }
  return { width, height, samples };
}

/** The coded blocks, unit by unit: each has one block of each colour, and 2×2 or one of luma. */
function scan([y, cb, cr], fullChroma) {
  const [writer, side] = [new BitWriter(), fullChroma ? 1 : 2];
  const last = [0, 0, 0];
  for (let row = 0; row < cb.rows; row++) {
    for (let col = 0; col < cb.cols; col++) {
      for (let part = 0; part < side * side; part++) {
        const [across, down] = [col * side + (part % side), row * side + (part >= side ? 1 : 0)];
        // Blocks beyond the picture repeat the mean of the one before.
        const isInside = across < y.cols && down < y.rows;
        if (isInside) last[0] = writer.block(blockOf(y, across, down), last[0], "luma");
        else writer.block(null, last[0], "luma");
      }
      last[1] = writer.block(blockOf(cb, col, row), last[1], "chroma");
      last[2] = writer.block(blockOf(cr, col, row), last[2], "chroma");
    }
  }
  return writer.bytes();
}

/** The coded blocks of luma alone. */
function scanOfGrey(y) {
  const writer = new BitWriter();
  let last = 0;
  for (let row = 0; row < y.rows; row++) {
    for (let col = 0; col < y.cols; col++) last = writer.block(blockOf(y, col, row), last, "luma");
  }
  return writer.bytes();
}

const blockOf = ({ levels, cols }, col, row) =>
  levels.subarray((row * cols + col) * SIZE, (row * cols + col + 1) * SIZE);
