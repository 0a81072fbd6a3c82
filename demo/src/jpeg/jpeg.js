/**
 * JPEG as libjpeg codes it, byte for byte: canvases of different browsers choose other tables and other chroma.
 */

import { join } from "../format/bytes.js";
import { isGrey } from "../picture.js";
import { forward, inverse } from "./dct.js";
import { AC, codeScan, ScanWriter } from "./encode.js";
import { doubled, fromYcc, halved, toYcc } from "./planes.js";
import { CODES, SIDE, SIZE, stepsAt, ZIGZAG } from "./tables.js";

const JFIF = [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]; // version 1.1, square pixels, no thumbnail

/**
 * A picture as a JPEG file, a grey one as grey.
 *
 * @param {number} quality 1 to 100
 * @param {boolean} [fullChroma] 4:4:4 instead of 4:2:0
 */
export function encodeJpeg(picture, quality, fullChroma = false) {
  const { width, height } = picture;
  const planes = quantised(picture, quality, fullChroma).slice(0, isGrey(picture) ? 1 : 3);
  const side = planes.length === 1 || fullChroma ? 1 : 2; // blocks of luma in an MCU, down and across
  const components = planes.map(({ rows, cols }, index) => ({ rows, cols, ...bothWays(index ? 1 : side) }));
  const kinds = planes.map((_, index) => Math.min(index, 1)); // of tables: 0 for luma, 1 for chroma
  const scan = { components: [...planes.keys()], dc: kinds, ac: kinds };
  const tables = [CODES.luma, CODES.chroma].slice(0, planes.length);
  const codes = tables.flatMap(({ dc, ac }, kind) => [[kind, dc], [AC + kind, ac]]);
  const writer = new ScanWriter(new Map(codes));
  codeScan({ width, height, components, ...bothWays(side) }, scan, planes.map(({ levels }) => levels), writer);
  const size = [8, height >> 8, height & 0xff, width >> 8, width & 0xff, planes.length];
  return join(
    ...[[0xff, 0xd8], segment(0xe0, JFIF)],
    ...tables.map((_, kind) => segment(0xdb, [kind], planes[kind].steps)),
    segment(0xc0, size, ...components.map(({ across }, index) => [index + 1, 0x11 * across, kinds[index]])),
    ...codes.map(([key, body]) => segment(0xc4, [key], body)),
    segment(0xda, [planes.length], ...kinds.map((kind, index) => [index + 1, 0x11 * kind]), [0, SIZE - 1, 0]),
    ...[writer.bytes(), [0xff, 0xd9]],
  );
}

const bothWays = (count) => ({ across: count, down: count });

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

/** Planes of a picture, with the rows and columns of their blocks, and their coefficients, quantised by `steps`. */
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
      const [value, step] = [block[ZIGZAG[at]], SIDE * steps[at]];
      const size = Math.floor((Math.abs(value) + (step >> 1)) / step);
      levels[number * SIZE + at] = value < 0 ? -size : size;
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

/** The plane that a decoder finds. */
function decodedPlane({ plane: { width, height }, cols, steps, levels }) {
  const samples = new Uint8ClampedArray(width * height);
  const block = new Int32Array(SIZE);
  for (let number = 0; number * SIZE < levels.length; number++) {
    const [left, top] = [SIDE * (number % cols), SIDE * Math.floor(number / cols)];
    for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = levels[number * SIZE + at] * steps[at];
    inverse(block);
    for (let at = 0; at < SIZE; at++) {
      const [x, y] = [left + (at % SIDE), top + (at >> 3)];
      if (x < width && y < height) samples[y * width + x] = block[at] + 128;
    }
  }
  return { width, height, samples };
}
