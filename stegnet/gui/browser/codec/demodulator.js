/**
 * The network that reads bits in a picture that was saved again, without ONNX Runtime: the demodulator of
 * stegnet/networks/families/modem.py, block by block of 8×8 pixels.
 */

import { MODEM } from "../../page/constants.js";
import { LUMA as STEPS } from "../jpeg/tables.js";

const { BLOCK, DITHER } = MODEM;
const COEFFICIENTS = 3 * DITHER; // of a block, luma first
const SCALE = 8; // from coefficients to features of about 1
const SLOPE = 0.1; // of the leaky ReLU
const NEIGHBOURS = 1; // the residual block that sees those around
const AT_ONCE = 4; // blocks of the picture in one pass over the weights
const FINEST = Array.from(STEPS.keys()).sort((one, other) => STEPS[one] - STEPS[other]);

/** cos((2x + 1) u π / 16) of frequency u and place x: an orthonormal DCT of type II. */
const COSINES = Float64Array.from({ length: BLOCK ** 2 }, (_, at) => {
  const [u, x] = [Math.floor(at / BLOCK), at % BLOCK];
  return (Math.cos(((2 * x + 1) * u * Math.PI) / (2 * BLOCK)) / 2) * (u ? 1 : Math.SQRT1_2);
});

/**
 * @param {{rungs: {bits: number, scale: number}[], width: number, blocks: number}} options of the modem's card
 * @param {Uint8Array} weights as of `tensors`, half precision, the lowest byte first
 * @returns {(width: number, height: number, planes: Float32Array, dither: Float32Array, options?: {patch?: number,
 *   onProgress?: Function}) => Float32Array} log-likelihood ratios, planes (bits, rows, cols), of pixels, planes
 *   (3, height, width) in [0, 1], and dither, planes (64, rows, cols); patch: of the middle of each patch of so many
 *   blocks squared, 0 elsewhere
 */
export function makeDemodulator({ rungs, width: channels, blocks: depth }, weights) {
  const places = rungs.flatMap(({ bits }) => FINEST.slice(0, bits));
  const scales = rungs.flatMap(({ bits, scale }) => Array(bits).fill(scale));
  const periods = places.map((place, bit) => (STEPS[place] * scales[bit]) / 255);
  const features = COEFFICIENTS + 2 * places.length;
  const layers = tensors(weights, { channels, depth, features, bits: places.length });

  return function demodulate(width, height, planes, dither, { patch = 1, onProgress = () => {} } = {}) {
    const [rows, cols] = [height / BLOCK, width / BLOCK];
    const middle = Math.floor(patch / 2);
    const wanted = Array.from({ length: cols }, (_, col) => col).filter((col) => col % patch === middle);
    const ratios = new Float32Array(places.length * rows * cols);
    const size = channels * (cols + 2 + AT_ONCE); // of a row: a block of zeros at each end, and what fills the last pass
    const input = new Float32Array(features * (cols + AT_ONCE));
    const ring = [0, 1, 2].map(() => ({ mixed: new Float32Array(size), waves: new Float32Array(places.length * cols) })); // of rows
    const [wide, mixed, seen] = [0, 1, 2].map(() => new Float32Array(size));
    const out = new Float32Array(places.length * (cols + AT_ONCE));
    for (let row = 0; row <= rows; row++) {
      const current = ring[row % 3];
      current.mixed.fill(0);
      if (row < rows) {
        look(row, current.waves);
        const inside = current.mixed.subarray(channels);
        affine(layers.first, input, features, cols, inside, channels);
        residual(layers.body[0], inside, cols);
      }
      if (row > 0 && (row - 1) % patch === middle) finish(row - 1);
      onProgress(row, rows);
    }
    return ratios;

    /** The features of a row of blocks, and the sines of their bits' phases. */
    function look(row, sines) {
      const [pixels, half, block] = [new Float64Array(DITHER), new Float64Array(DITHER), new Float64Array(COEFFICIENTS)];
      for (let col = 0; col < cols; col++) {
        for (let plane = 0; plane < 3; plane++) {
          ycc(planes, width, height, row, col, plane, pixels);
          transform(pixels, half, block, DITHER * plane);
        }
        const to = features * col;
        for (let at = 0; at < COEFFICIENTS; at++) input[to + at] = SCALE * block[at];
        for (let bit = 0; bit < places.length; bit++) {
          const shift = dither[(places[bit] * rows + row) * cols + col];
          const angle = 2 * Math.PI * (block[places[bit]] / periods[bit] - shift);
          input[to + COEFFICIENTS + bit] = Math.cos(angle);
          input[to + COEFFICIENTS + places.length + bit] = sines[places.length * col + bit] = Math.sin(angle);
        }
      }
    }

    /** The ratios of the wanted blocks of a row, whose neighbours are known. */
    function finish(row) {
      const count = wanted.length;
      const around = layers.body[NEIGHBOURS];
      gather(ring[row % 3].mixed, 0, mixed);
      fill(wide, around.bias, count);
      for (let y = -1; y <= 1; y++) {
        if (row + y < 0 || row + y >= rows) continue;
        for (let x = -1; x <= 1; x++) {
          gather(ring[(row + y + 3) % 3].mixed, x, seen);
          affine({ weight: around.taps[3 * (y + 1) + x + 1] }, seen, channels, count, wide, channels, true);
        }
      }
      rectify(wide);
      affine(around.point, wide, channels, count, mixed, channels, true);
      for (const layer of layers.body.slice(NEIGHBOURS + 1)) residual(layer, mixed, count);
      affine(layers.last, mixed, channels, count, out, places.length);
      const { waves: sines } = ring[row % 3];
      for (const [at, col] of wanted.entries()) {
        for (let bit = 0; bit < places.length; bit++) {
          const wave = layers.likelihoods[bit] * sines[places.length * col + bit];
          ratios[(bit * rows + row) * cols + col] = out[places.length * at + bit] + wave;
        }
      }
    }

    /** Copies what is x columns beside the wanted blocks of a row, side by side. */
    function gather(row, x, to) {
      for (const [at, col] of wanted.entries()) {
        const from = channels * (col + 1 + x); // after the zeros at the row's end
        for (let channel = 0; channel < channels; channel++) to[channels * at + channel] = row[from + channel];
      }
    }

    /** Adds point · leaky ReLU(wide · x) to x. */
    function residual({ wide: layer, point }, x, count) {
      affine(layer, x, channels, count, wide, channels);
      rectify(wide);
      affine(point, wide, channels, count, x, channels, true);
    }
  };
}

/** The network's numbers, in the order in which `stegnet page` writes them. */
function tensors(bytes, { channels, depth, features, bits }) {
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const take = (count) => Float32Array.from({ length: count }, () => halfAt(numbers, 2 * at++));
  const layer = (out, size) => ({ weight: take(out * size), bias: take(out) });
  const first = layer(channels, features);
  const body = Array.from({ length: depth }, (_, index) => {
    if (index !== NEIGHBOURS) return { wide: layer(channels, channels), point: layer(channels, channels) };
    const taps = Array.from({ length: 9 }, () => take(channels ** 2));
    return { taps, bias: take(channels), point: layer(channels, channels) };
  });
  const read = { first, body, last: layer(bits, channels), likelihoods: take(bits) };
  if (2 * at !== bytes.length) throw new Error("weights of another network");
  return read;
}

/** A number of half precision (IEEE 754, binary16). */
function halfAt(view, at) {
  const code = view.getUint16(at, true);
  const [exponent, fraction] = [(code >> 10) & 31, code & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return code >> 15 ? -size : size;
}

/** Luma, or a colour difference, of a block's pixels, less grey's. */
function ycc(planes, width, height, row, col, plane, pixels) {
  const [red, green, blue] = YCBCR[plane];
  const middle = 0.5 * (red + green + blue);
  const area = width * height;
  for (let y = 0, to = 0; y < BLOCK; y++) {
    for (let from = (BLOCK * row + y) * width + BLOCK * col, x = 0; x < BLOCK; x++, from++, to++) {
      pixels[to] = red * planes[from] + green * planes[area + from] + blue * planes[2 * area + from] - middle;
    }
  }
}

/** ITU-R BT.601, as of JFIF. */
const YCBCR = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]];

/** The DCT of a block's pixels. */
function transform(pixels, half, block, to) {
  for (let y = 0; y < BLOCK; y++) {
    for (let u = 0; u < BLOCK; u++) {
      let sum = 0;
      for (let x = 0; x < BLOCK; x++) sum += COSINES[BLOCK * u + x] * pixels[BLOCK * y + x];
      half[BLOCK * y + u] = sum;
    }
  }
  for (let v = 0; v < BLOCK; v++) {
    for (let u = 0; u < BLOCK; u++) {
      let sum = 0;
      for (let y = 0; y < BLOCK; y++) sum += COSINES[BLOCK * v + y] * half[BLOCK * y + u];
      block[to + BLOCK * v + u] = sum;
    }
  }
}

function fill(vectors, bias, count) {
  for (let at = 0; at < count; at++) vectors.set(bias, bias.length * at);
}

function rectify(vectors) {
  for (let at = 0; at < vectors.length; at++) if (vectors[at] < 0) vectors[at] *= SLOPE;
}

/**
 * weight · x + bias of some vectors x, side by side; or, to be added, what it gives to what is there.
 *
 * @param {{weight: Float32Array, bias?: Float32Array}} layer weight: (out, size)
 * @param {Float32Array} vectors (count, size), with space behind for AT_ONCE − 1 more
 */
function affine({ weight, bias = null }, vectors, size, count, result, out, isAdded = false) {
  const sums = new Float64Array(2 * AT_ONCE);
  for (let first = 0; first < count; first += AT_ONCE) {
    for (let row = 0; row < out; row += 2) {
      multiply(weight, size * row, vectors, size * first, size, sums);
      for (let vector = 0; vector < Math.min(AT_ONCE, count - first); vector++) {
        for (let half = 0; half < 2; half++) {
          const at = out * (first + vector) + row + half;
          result[at] = (isAdded ? result[at] : 0) + (bias ? bias[row + half] : 0) + sums[2 * vector + half];
        }
      }
    }
  }
}

/** Products of two rows of a matrix and four vectors, each in a variable of its own, since that is faster. */
function multiply(weight, one, vectors, from, size, sums) {
  const two = one + size;
  const b = from + size;
  const c = b + size;
  const d = c + size;
  let a1 = 0;
  let a2 = 0;
  let b1 = 0;
  let b2 = 0;
  let c1 = 0;
  let c2 = 0;
  let d1 = 0;
  let d2 = 0;
  for (let at = 0; at < size; at++) {
    const v = weight[one + at];
    const w = weight[two + at];
    a1 += v * vectors[from + at];
    a2 += w * vectors[from + at];
    b1 += v * vectors[b + at];
    b2 += w * vectors[b + at];
    c1 += v * vectors[c + at];
    c2 += w * vectors[c + at];
    d1 += v * vectors[d + at];
    d2 += w * vectors[d + at];
  }
  sums[0] = a1;
  sums[1] = a2;
  sums[2] = b1;
  sums[3] = b2;
  sums[4] = c1;
  sums[5] = c2;
  sums[6] = d1;
  sums[7] = d2;
}
