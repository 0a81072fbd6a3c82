/**
 * Lanczos resampling, antialiased when downscaling; bit-identical to Pillow's `Image.resize`.
 *
 * The format does not require this: a secret may be resized by any good filter before it is hidden and after it is
 * revealed. Using the same one makes the two programs easy to compare.
 */

import { asView, blank } from "./picture.js";

const LOBES = 3;
const PRECISION = 2 ** 22;

/** A picture resized; the picture itself if it has this size. */
export function resize(picture, width, height) {
  if (width === picture.width && height === picture.height) return picture;
  return resized(asView(picture), width, height).part(0, 0, width, height);
}

/** A view resized, as a view: what is asked for is computed. @param {import("./picture.js").View} view */
export function resized(view, width, height) {
  const columns = width === view.width ? null : taps(view.width, width);
  const rows = height === view.height ? null : taps(view.height, height);
  return { width, height, part };

  function part(left, top, wide, high) {
    const [x, y] = [spanned(columns, left, wide), spanned(rows, top, high)];
    const seen = view.part(x.first, y.first, x.count, y.count);
    return weighedDown(weighedAcross(seen, columns?.slice(left, left + wide), x.first), rows?.slice(top, top + high), y.first);
  }
}

/** The first of the source pixels that some target pixels are made of, and their number. */
function spanned(all, start, count) {
  if (!all) return { first: start, count };
  const [first, last] = [all[start], all[start + count - 1]];
  return { first: first.first, count: last.first + last.weights.length - first.first };
}

/** Columns of a part of a picture whose first column is `left`. */
function weighedAcross(seen, columns, left) {
  if (!columns) return seen;
  const width = columns.length;
  const result = blank(width, seen.height);
  for (let y = 0; y < seen.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x];
      weigh(seen.data, 3 * (y * seen.width + first - left), 3, weights, result.data, 3 * (y * width + x));
    }
  }
  return result;
}

/** Rows of a part of a picture whose first row is `top`. */
function weighedDown({ width, ...seen }, rows, top) {
  if (!rows) return { width, ...seen };
  const result = blank(width, rows.length);
  for (const [y, { first, weights }] of rows.entries()) {
    for (let x = 0; x < width; x++) {
      weigh(seen.data, 3 * ((first - top) * width + x), 3 * width, weights, result.data, 3 * (y * width + x));
    }
  }
  return result;
}

/** Weighted sum of several pixels, `step` samples apart. */
function weigh(from, at, step, weights, to, place) {
  let red = PRECISION / 2;
  let green = PRECISION / 2;
  let blue = PRECISION / 2;
  for (let tap = 0; tap < weights.length; tap++) {
    const weight = weights[tap];
    red += from[at] * weight;
    green += from[at + 1] * weight;
    blue += from[at + 2] * weight;
    at += step;
  }
  to[place] = level(red);
  to[place + 1] = level(green);
  to[place + 2] = level(blue);
}

const level = (sum) => Math.min(Math.max(Math.floor(sum / PRECISION), 0), 255);

/** The first source pixel and the weights of each target pixel. */
export function taps(from, to) {
  const scale = from / to;
  const widened = Math.max(scale, 1);
  const support = LOBES * widened;
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), from);
    const raw = Array.from({ length: end - first }, (_, tap) => lanczos((tap + first - centre + 0.5) * (1 / widened)));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    const weights = raw.map((weight) => Math.trunc(weight * (1 / sum) * PRECISION + (weight < 0 ? -0.5 : 0.5)));
    return { first, weights: Float64Array.from(weights) };
  });
}

const lanczos = (x) => (x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0);

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const SMOOTHNESS = 0.002; // s for an error of one level, as it grows with its square
const SMOOTHEST = 0.03;
const BAND = 2 * LOBES + 1; // coefficients of a column, from the diagonal on

/**
 * The picture of this size of which `resize` made another; sides that it reduced are enlarged.
 *
 * @param {number} noise root mean square of the error that it may have at most, in levels
 */
export function unresize(picture, width, height, noise) {
  if (width >= picture.width && height >= picture.height) return resize(picture, width, height);
  const from = resize(picture, Math.max(width, picture.width), Math.max(height, picture.height));
  const smooth = Math.min(2 ** Math.round(Math.log2(SMOOTHNESS * noise ** 2)), SMOOTHEST);
  const row = 3 * from.width;
  const down = new Float32Array(row * height);
  const solveColumn = solver(height, from.height, smooth);
  for (let at = 0; at < row; at++) solveColumn(from.data, at, row, down, at, row);
  const result = blank(width, height);
  const solveRow = solver(width, from.width, smooth);
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < 3; channel++) {
      solveRow(down, y * row + channel, 3, result.data, 3 * y * width + channel, 3);
    }
  }
  return result;
}

/** A function that solves for a line: takes samples, the place of the first and the step to the next, and the same of where
 * the result goes, which rounds if it holds bytes. */
function solver(length, enlarged, smooth) {
  const rows = taps(length, enlarged).map(({ first, weights }) => ({ first, weights: weights.map((w) => w / PRECISION) }));
  const factor = cholesky(normal(rows, length, smooth), length);
  const line = new Float64Array(length);
  return (from, at, step, to, place, stride) => {
    if (length === enlarged) {
      for (let i = 0; i < length; i++) line[i] = from[at + i * step];
    } else {
      line.fill(0);
      for (const [i, { first, weights }] of rows.entries()) {
        for (let tap = 0; tap < weights.length; tap++) line[first + tap] += weights[tap] * from[at + i * step];
      }
      substitute(factor, line);
    }
    for (let i = 0; i < length; i++) {
      to[place + i * stride] = to instanceof Float32Array ? line[i] : Math.min(Math.max(Math.round(line[i]), 0), 255);
    }
  };
}

/** Lower band of RᵀR + s DᵀD: [BAND · column + row - column]. */
function normal(rows, length, smooth) {
  const band = new Float64Array(BAND * length);
  for (const { first, weights } of rows) {
    for (let a = 0; a < weights.length; a++) {
      for (let b = a; b < weights.length; b++) band[BAND * (first + a) + b - a] += weights[a] * weights[b];
    }
  }
  for (let i = 0; i + 1 < length; i++) {
    band[BAND * i] += smooth;
    band[BAND * i + 1] -= smooth;
    band[BAND * (i + 1)] += smooth;
  }
  return band;
}

/** Its factor L, of L Lᵀ, in place. */
function cholesky(band, length) {
  for (let column = 0; column < length; column++) {
    for (let before = Math.max(column - BAND + 1, 0); before < column; before++) {
      const shift = column - before;
      for (let k = 0; k + shift < BAND; k++) {
        band[BAND * column + k] -= band[BAND * before + shift] * band[BAND * before + shift + k];
      }
    }
    const root = Math.sqrt(band[BAND * column]);
    for (let k = 0; k < BAND; k++) band[BAND * column + k] /= root;
  }
  return band;
}

/** Solves L Lᵀ x = b in place. */
function substitute(factor, line) {
  for (let i = 0; i < line.length; i++) {
    line[i] /= factor[BAND * i];
    for (let k = 1; k < BAND && i + k < line.length; k++) line[i + k] -= factor[BAND * i + k] * line[i];
  }
  for (let i = line.length - 1; i >= 0; i--) {
    for (let k = 1; k < BAND && i + k < line.length; k++) line[i] -= factor[BAND * i + k] * line[i + k];
    line[i] /= factor[BAND * i];
  }
}
