/**
 * The networks that hide bits in a picture so that they survive being saved again, and that read them, without ONNX
 * Runtime: those of stegnet/networks/families/modem.py, block by block of 8×8 pixels.
 */

import { MODEM } from "../../page/constants.js";
import { LUMA as STEPS } from "../jpeg/tables.js";

const { BLOCK, DITHER } = MODEM;
const COEFFICIENTS = 3 * DITHER; // of a block, luma first
const SCALE = 8; // from coefficients to features of about 1
const SLOPE = 0.1; // of the leaky ReLU
const CHANGE = 8 / 255; // from outputs to changes of a few levels
const PHASE = 0.25; // of a bit that is 1, in periods; that of a bit that is 0 is −0.25
const WAY = 1.4; // added to the logit of the share of the way to the phase
const NEIGHBOURS = 1; // the residual block that sees those around
const AT_ONCE = 4; // blocks of the picture in one pass over the weights
const FINEST = Array.from(STEPS.keys()).sort((one, other) => STEPS[one] - STEPS[other]);

/** cos((2x + 1) u π / 16) of frequency u and place x: an orthonormal DCT of type II. */
const COSINES = Float64Array.from({ length: BLOCK ** 2 }, (_, at) => {
  const [u, x] = [Math.floor(at / BLOCK), at % BLOCK];
  return (Math.cos(((2 * x + 1) * u * Math.PI) / (2 * BLOCK)) / 2) * (u ? 1 : Math.SQRT1_2);
});

/**
 * The two networks of the shipped modem, at work on planes of blocks.
 *
 * @param {{rungs: {bits: number, scale: number}[], width: number, blocks: number}} options of the modem's card
 * @param {Uint8Array} weights as `stegnet page` writes them: see `layersOf`
 */
export function makeModem({ rungs, width: channels, blocks: depth }, weights) {
  const places = rungs.flatMap(({ bits }) => FINEST.slice(0, bits));
  const scales = rungs.flatMap(({ bits, scale }) => Array(bits).fill(scale));
  const periods = places.map((place, bit) => (STEPS[place] * scales[bit]) / 255);
  const bits = places.length;
  const features = COEFFICIENTS + 2 * bits;
  const reader = makeReader(weights);
  const modulator = layersOf(reader, { channels, depth, size: features + bits, out: features });
  const demodulator = layersOf(reader, { channels, depth, size: features, out: bits });
  const likelihoods = reader.halves(bits);
  reader.end();
  return { hide, reveal };

  /**
   * Hides bits in pixels.
   *
   * @param {Float32Array} planes of pixels, (3, height, width) in [0, 1]
   * @param {Float32Array} hidden planes (bits + 64, rows, cols): −1, 1, or 0 of bits that are not used; dither. Blocks
   *   without bits stay as they are
   * @returns {Float32Array} planes like those of pixels, neither clamped nor rounded
   */
  function hide(width, height, planes, hidden, onProgress = () => {}) {
    const grid = { rows: height / BLOCK, cols: width / BLOCK };
    const blocks = grid.rows * grid.cols;
    const dither = hidden.subarray(bits * blocks);
    const bitAt = (bit, row, col) => hidden[bit * blocks + row * grid.cols + col];
    const used = Array.from(places.keys()).filter((bit) => hidden.subarray(bit * blocks, (bit + 1) * blocks).some(Boolean));
    const changes = Array.from({ length: COEFFICIENTS }, (_, at) => at);
    const rows = [...changes, ...used.map((bit) => COEFFICIENTS + bit), ...used.map((bit) => COEFFICIENTS + bits + bit)];
    const network = { ...modulator, last: rowsOf(modulator.last, rows) };
    const container = planes.slice();
    const block = new Float64Array(COEFFICIENTS);

    through(network, grid, {
      onProgress,
      wanted: (row) => columns(grid.cols).filter((col) => used.some((bit) => bitAt(bit, row, col))),
      look(row, input) {
        const phases = lookAt(planes, { width, height }, dither, row, input, features + bits);
        for (let col = 0; col < grid.cols; col++) {
          for (const bit of used) input[(features + bits) * col + features + bit] = bitAt(bit, row, col);
        }
        return phases;
      },
      take(row, cols, phases, out) {
        for (const [at, col] of cols.entries()) {
          const found = out.subarray(rows.length * at, rows.length * (at + 1));
          for (const place of changes) block[place] = found[place] * CHANGE;
          for (const [index, bit] of used.entries()) {
            const [way, wanted] = [found[COEFFICIENTS + index], found[COEFFICIENTS + used.length + index]];
            const away = PHASE * bitAt(bit, row, col) + wanted - phases[bits * col + bit];
            block[places[bit]] += (periods[bit] * (away - Math.round(away))) / (1 + Math.exp(-way - WAY));
          }
          addBlock(container, { width, height }, row, col, block);
        }
      },
    });
    return container;
  }

  /**
   * Log-likelihood ratios, planes (bits, rows, cols), of pixels, planes (3, height, width) in [0, 1].
   *
   * @param {Float32Array} dither planes (64, rows, cols)
   * @param {number} [options.patch] of the middle of each patch of so many blocks squared, 0 elsewhere
   */
  function reveal(width, height, planes, dither, { patch = 1, onProgress = () => {} } = {}) {
    const grid = { rows: height / BLOCK, cols: width / BLOCK };
    const isMiddle = (place) => place % patch === Math.floor(patch / 2);
    const middles = columns(grid.cols).filter(isMiddle);
    const ratios = new Float32Array(bits * grid.rows * grid.cols);
    through(demodulator, grid, {
      onProgress,
      wanted: (row) => (isMiddle(row) ? middles : []),
      look: (row, input) => lookAt(planes, { width, height }, dither, row, input, features),
      take(row, cols, phases, out) {
        for (const [at, col] of cols.entries()) {
          for (let bit = 0; bit < bits; bit++) {
            const wave = likelihoods[bit] * Math.sin(2 * Math.PI * phases[bits * col + bit]);
            ratios[(bit * grid.rows + row) * grid.cols + col] = out[bits * at + bit] + wave;
          }
        }
      },
    });
    return ratios;
  }

  /** Fills in the features of a row of blocks, so many numbers each; returns the phases of their bits, in periods. */
  function lookAt(planes, { width, height }, dither, row, input, each) {
    const [rows, cols] = [height / BLOCK, width / BLOCK];
    const [pixels, half, block] = [new Float64Array(DITHER), new Float64Array(DITHER), new Float64Array(COEFFICIENTS)];
    const phases = new Float32Array(bits * cols);
    for (let col = 0; col < cols; col++) {
      for (let plane = 0; plane < 3; plane++) {
        ycc(planes, width, height, row, col, plane, pixels);
        transform(pixels, half, block, DITHER * plane);
      }
      const to = each * col;
      for (let at = 0; at < COEFFICIENTS; at++) input[to + at] = SCALE * block[at];
      for (let bit = 0; bit < bits; bit++) {
        const phase = block[places[bit]] / periods[bit] - dither[(places[bit] * rows + row) * cols + col];
        phases[bits * col + bit] = phase;
        input[to + COEFFICIENTS + bit] = Math.cos(2 * Math.PI * phase);
        input[to + COEFFICIENTS + bits + bit] = Math.sin(2 * Math.PI * phase);
      }
    }
    return phases;
  }
}

const columns = (cols) => Array.from({ length: cols }, (_, col) => col);

/**
 * Runs a network on blocks, row by row, since each sees those around it alone.
 *
 * @param {object} steps
 * @param {(row: number) => number[]} steps.wanted columns whose output is wanted
 * @param {(row: number, input: Float32Array) => Float32Array} steps.look fills in the features of a row's blocks, side by
 *   side; returns what `take` needs of them
 * @param {(row: number, cols: number[], looked: Float32Array, out: Float32Array) => void} steps.take is given the output
 *   for the wanted columns, side by side
 */
function through({ first, body, last, channels, size }, { rows, cols }, { wanted, look, take, onProgress }) {
  const length = channels * (cols + 2 + AT_ONCE); // of a row: a block of zeros at each end, and what fills the last pass
  const input = new Float32Array(size * (cols + AT_ONCE));
  const ring = [0, 1, 2].map(() => ({ mixed: new Float32Array(length), looked: null })); // of rows
  const [wide, mixed, seen] = [0, 1, 2].map(() => new Float32Array(length));
  const result = new Float32Array(last.bias.length * (cols + AT_ONCE));
  for (let row = 0; row <= rows; row++) {
    const current = ring[row % 3];
    current.mixed.fill(0);
    if (row < rows) {
      current.looked = look(row, input);
      const inside = current.mixed.subarray(channels);
      affine(first, input, size, cols, inside, channels);
      residual(body[0], inside, cols);
    }
    const chosen = row > 0 ? wanted(row - 1) : [];
    if (chosen.length) finish(row - 1, chosen);
    onProgress(row, rows);
  }

  /** The output for some blocks of a row, whose neighbours are known. */
  function finish(row, chosen) {
    const count = chosen.length;
    const around = body[NEIGHBOURS];
    gather(ring[row % 3].mixed, chosen, 0, mixed);
    fill(wide, around.bias, count);
    for (let y = -1; y <= 1; y++) {
      if (row + y < 0 || row + y >= rows) continue;
      for (let x = -1; x <= 1; x++) {
        gather(ring[(row + y + 3) % 3].mixed, chosen, x, seen);
        affine({ weight: around.taps[3 * (y + 1) + x + 1] }, seen, channels, count, wide, channels, true);
      }
    }
    rectify(wide);
    affine(around.point, wide, channels, count, mixed, channels, true);
    for (const layer of body.slice(NEIGHBOURS + 1)) residual(layer, mixed, count);
    affine(last, mixed, channels, count, result, last.bias.length);
    take(row, chosen, ring[row % 3].looked, result);
  }

  /** Copies what is x columns beside some blocks of a row, side by side. */
  function gather(row, chosen, x, to) {
    for (const [at, col] of chosen.entries()) {
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
}

/** The layers of a network: those of `BlockNetwork` in stegnet/networks/families/modem.py. */
function layersOf(reader, { channels, depth, size, out }) {
  const first = reader.layer(channels, size);
  const body = Array.from({ length: depth }, (_, index) => {
    if (index !== NEIGHBOURS) return { wide: reader.layer(channels, channels), point: reader.layer(channels, channels) };
    const taps = Array.from({ length: 9 }, () => reader.matrix(channels, channels));
    return { taps, bias: reader.halves(channels), point: reader.layer(channels, channels) };
  });
  return { first, body, last: reader.layer(out, channels), channels, size };
}

/** Some rows of a layer. */
function rowsOf({ weight, bias }, rows) {
  const size = weight.length / bias.length;
  const some = new Float32Array(rows.length * size);
  for (const [at, row] of rows.entries()) some.set(weight.subarray(row * size, (row + 1) * size), at * size);
  return { weight: some, bias: Float32Array.from(rows, (row) => bias[row]) };
}

/** Reads numbers: of half precision, and of a byte each in rows, which have a scale of half precision. */
function makeReader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const halves = (count) => Float32Array.from({ length: count }, () => halfAt(view, (at += 2) - 2));
  const matrix = (out, size) => {
    const scales = halves(out);
    return Float32Array.from({ length: out * size }, (_, place) => view.getInt8(at++) * scales[Math.floor(place / size)]);
  };
  return {
    halves,
    matrix,
    layer: (out, size) => ({ weight: matrix(out, size), bias: halves(out) }),
    end() {
      if (at !== bytes.length) throw new Error("weights of another network");
    },
  };
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

/** Red, green and blue of luma and the colour differences: the inverse. */
const RGB = [[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]];

/** Adds a block of coefficients, luma first, to pixels. */
function addBlock(planes, { width, height }, row, col, block) {
  const pixels = [0, 1, 2].map((plane) => inverse(block.subarray(DITHER * plane, DITHER * (plane + 1))));
  for (const [plane, [y, cb, cr]] of RGB.entries()) {
    for (let at = 0; at < DITHER; at++) {
      const to = (plane * height + BLOCK * row + (at >> 3)) * width + BLOCK * col + (at & 7);
      planes[to] += y * pixels[0][at] + cb * pixels[1][at] + cr * pixels[2][at];
    }
  }
}

/** The pixels of a block's DCT. */
function inverse(block) {
  const [half, pixels] = [new Float64Array(DITHER), new Float64Array(DITHER)];
  for (let at = 0; at < DITHER; at++) {
    for (let v = 0; v < BLOCK; v++) half[at] += COSINES[BLOCK * v + (at >> 3)] * block[BLOCK * v + (at & 7)];
  }
  for (let at = 0; at < DITHER; at++) {
    for (let u = 0; u < BLOCK; u++) pixels[at] += COSINES[BLOCK * u + (at & 7)] * half[(at & 56) + u];
  }
  return pixels;
}

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
