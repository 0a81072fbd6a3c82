/**
 * Lanczos resampling, antialiased when downscaling; bit-identical to Pillow's `Image.resize`.
 *
 * The format does not require this: a secret may be resized by any good filter before it is hidden and after it is
 * revealed. Using the same one makes the two programs easy to compare.
 */

import { blank } from "./picture.js";

export const LOBES = 3;
export const PRECISION = 2 ** 22;

/** A picture resized. @param {import("./picture.js").Picture} picture */
export function resize(picture, width, height) {
  const { data } = picture;
  const across = width === picture.width ? picture : blank(width, picture.height);
  if (across !== picture) {
    const columns = taps(picture.width, width);
    for (let y = 0; y < picture.height; y++) {
      for (let x = 0; x < width; x++) {
        const { first, weights } = columns[x];
        weigh(data, 3 * (y * picture.width + first), 3, weights, across.data, 3 * (y * width + x));
      }
    }
  }
  if (height === picture.height) return across;
  const result = blank(width, height);
  for (const [y, { first, weights }] of taps(picture.height, height).entries()) {
    for (let x = 0; x < width; x++) {
      weigh(across.data, 3 * (first * width + x), 3 * width, weights, result.data, 3 * (y * width + x));
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

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
