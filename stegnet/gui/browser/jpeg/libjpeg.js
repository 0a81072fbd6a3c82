/** JPEG as libjpeg codes it, byte for byte: canvases of different browsers choose other tables and other chroma. */

import { join } from "../format/bytes.js";
import { isGrey } from "../picture.js";
import { AC, codeScan, ScanWriter } from "./entropy.js";
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

/** A plane of 8-bit samples: @typedef {{width: number, height: number, samples: Uint8Array}} Plane */

const HALF = 1 << 15;
const clamped = (value) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Y, Cb and Cr (JFIF). @returns {Plane[]} */
export function toYcc({ width, height, data }) {
  const [y, cb, cr] = [0, 1, 2].map(() => new Uint8Array(width * height));
  for (let pixel = 0, at = 0; pixel < y.length; pixel++) {
    const [red, green, blue] = [data[at++], data[at++], data[at++]];
    y[pixel] = (19595 * red + 38470 * green + 7471 * blue + HALF) >> 16;
    cb[pixel] = (-11059 * red - 21709 * green + 32768 * blue + (128 << 16) + HALF - 1) >> 16;
    cr[pixel] = (32768 * red - 27439 * green - 5329 * blue + (128 << 16) + HALF - 1) >> 16;
  }
  return [y, cb, cr].map((samples) => ({ width, height, samples }));
}

/** Undoes `toYcc`, up to rounding. */
export function fromYcc([y, cb, cr]) {
  const data = new Uint8Array(3 * y.samples.length);
  for (let pixel = 0, at = 0; pixel < y.samples.length; pixel++) {
    const [luma, blue, red] = [y.samples[pixel], cb.samples[pixel] - 128, cr.samples[pixel] - 128];
    data[at++] = clamped(luma + ((91881 * red + HALF) >> 16));
    data[at++] = clamped(luma + ((-22554 * blue - 46802 * red + HALF) >> 16));
    data[at++] = clamped(luma + ((116130 * blue + HALF) >> 16));
  }
  return { width: y.width, height: y.height, data };
}

/**
 * Means of two by two samples; halves are rounded down and up in turns. To the right, the plane's edge goes on to the
 * end of a block.
 */
function halved({ width, height, samples }) {
  const half = { width: SIDE * Math.ceil(width / 2 / SIDE), height: Math.ceil(height / 2) };
  const result = new Uint8Array(half.width * half.height);
  for (let y = 0; y < half.height; y++) {
    const [upper, lower] = [2 * y * width, Math.min(2 * y + 1, height - 1) * width];
    for (let x = 0; x < half.width; x++) {
      const [left, right] = [Math.min(2 * x, width - 1), Math.min(2 * x + 1, width - 1)];
      const sum = samples[upper + left] + samples[upper + right] + samples[lower + left] + samples[lower + right];
      result[y * half.width + x] = (sum + 1 + (x & 1)) >> 2;
    }
  }
  return { ...half, samples: result };
}

/**
 * A halved plane, more than two samples wide, at its full size again: each sample is 9/16 of the nearest one and 3/16,
 * 3/16 and 1/16 of its neighbours ("fancy upsampling").
 */
function doubled({ width: stride, height: rows, samples }, width, height) {
  const result = new Uint8Array(width * height);
  const half = Math.ceil(width / 2);
  const sums = new Int32Array(half);
  for (let y = 0; y < height; y++) {
    const near = y >> 1;
    const far = Math.min(Math.max(y & 1 ? near + 1 : near - 1, 0), rows - 1);
    for (let x = 0; x < half; x++) sums[x] = 3 * samples[near * stride + x] + samples[far * stride + x];
    for (let x = 0; x < width; x++) {
      const [at, isRight] = [x >> 1, x & 1];
      const beside = sums[Math.min(Math.max(isRight ? at + 1 : at - 1, 0), half - 1)];
      result[y * width + x] = (3 * sums[at] + beside + (isRight ? 7 : 8)) >> 4;
    }
  }
  return { width, height, samples: result };
}

const BITS = 13; // of the constants' fraction
const EXTRA = 2; // bits of fraction between the two passes
const fixed = (value) => Math.round(value * 2 ** BITS);
const [F0298, F0390, F0541, F0765] = [0.298631336, 0.390180644, 0.5411961, 0.765366865].map(fixed);
const [F0899, F1175, F1501, F1847] = [0.899976223, 1.175875602, 1.50132111, 1.847759065].map(fixed);
const [F1961, F2053, F2562, F3072] = [1.96157056, 2.053119869, 2.562915447, 3.072711026].map(fixed);
const rounded = (value, bits) => (value + (1 << (bits - 1))) >> bits;

/** Coefficients of a block, times 8, in place of its samples, which are around 0. */
function forward(block) {
  for (let row = 0; row < SIZE; row += SIDE) forwardLine(block, row, 1, true);
  for (let col = 0; col < SIDE; col++) forwardLine(block, col, SIDE, false);
}

function forwardLine(block, first, step, isFirst) {
  const at = (index) => first + index * step;
  const even = (index) => block[at(index)] + block[at(7 - index)];
  const odd = (index) => block[at(index)] - block[at(7 - index)];
  const [s0, s1, s2, s3] = [even(0), even(1), even(2), even(3)];
  const [d7, d6, d5, d4] = [odd(0), odd(1), odd(2), odd(3)];
  const [t10, t13, t11, t12] = [s0 + s3, s0 - s3, s1 + s2, s1 - s2];
  const bits = isFirst ? BITS - EXTRA : BITS + EXTRA;
  block[at(0)] = isFirst ? (t10 + t11) << EXTRA : rounded(t10 + t11, EXTRA);
  block[at(4)] = isFirst ? (t10 - t11) << EXTRA : rounded(t10 - t11, EXTRA);
  const z = (t12 + t13) * F0541;
  block[at(2)] = rounded(z + t13 * F0765, bits);
  block[at(6)] = rounded(z - t12 * F1847, bits);
  const z5 = (d4 + d6 + d5 + d7) * F1175;
  const [z1, z2] = [-(d4 + d7) * F0899, -(d5 + d6) * F2562];
  const [z3, z4] = [z5 - (d4 + d6) * F1961, z5 - (d5 + d7) * F0390];
  block[at(7)] = rounded(d4 * F0298 + z1 + z3, bits);
  block[at(5)] = rounded(d5 * F2053 + z2 + z4, bits);
  block[at(3)] = rounded(d6 * F3072 + z2 + z3, bits);
  block[at(1)] = rounded(d7 * F1501 + z1 + z4, bits);
}

/** Samples of a block, around 0 and not clamped, in place of its coefficients. */
function inverse(block) {
  for (let col = 0; col < SIDE; col++) inverseLine(block, col, SIDE, BITS - EXTRA);
  for (let row = 0; row < SIZE; row += SIDE) inverseLine(block, row, 1, BITS + EXTRA + 3);
}

function inverseLine(block, first, step, bits) {
  const get = (index) => block[first + index * step];
  const [c0, c1, c2, c3, c4, c5, c6, c7] = [get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7)];
  const z = (c2 + c6) * F0541;
  const [e2, e3] = [z - c6 * F1847, z + c2 * F0765];
  const [e0, e1] = [(c0 + c4) * 2 ** BITS, (c0 - c4) * 2 ** BITS];
  const [t10, t13, t11, t12] = [e0 + e3, e0 - e3, e1 + e2, e1 - e2];
  const z5 = (c7 + c3 + c5 + c1) * F1175;
  const [z1, z2] = [-(c7 + c1) * F0899, -(c5 + c3) * F2562];
  const [z3, z4] = [z5 - (c7 + c3) * F1961, z5 - (c5 + c1) * F0390];
  const [o0, o1] = [c7 * F0298 + z1 + z3, c5 * F2053 + z2 + z4];
  const [o2, o3] = [c3 * F3072 + z2 + z3, c1 * F1501 + z1 + z4];
  const put = (index, value) => (block[first + index * step] = rounded(value, bits));
  [put(0, t10 + o3), put(7, t10 - o3), put(1, t11 + o2), put(6, t11 - o2)];
  [put(2, t12 + o1), put(5, t12 - o1), put(3, t13 + o0), put(4, t13 - o0)];
}
