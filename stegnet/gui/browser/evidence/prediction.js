/** Whether samples follow from others within rounding, as stegnet/media/evidence/pictures.py tells it. */

import { isGrey } from "../picture.js";
import { cut } from "./tiles.js";

const FIT_SIDE = 104; // pixels of a square whose samples are predicted
const FITS = 5; // squares
const WITHIN = 0.99; // share of the predictions that are met within 1
const LEAST = 150; // samples that are fitted, and held out
const ROUNDING = 1 / 12;
const AROUND = Array.from({ length: 25 }, (_, at) => [Math.floor(at / 5), at % 5]); // rows and columns from −2 on
const CENTER = 12;
const BESIDE = AROUND.flatMap(([y, x], at) => (Math.abs(y - 2) <= 1 && Math.abs(x - 2) <= 1 ? [at] : []));

/** True if samples of the most varied squares follow from their neighbours and the other channels. */
export async function follows(parts, pause) {
  const squares = [];
  for (const part of parts) {
    if (repeatsLines(part, false) || repeatsLines(part, true)) return true;
    const side = Math.min(FIT_SIDE, part.width, part.height);
    if (side < 24) continue;
    for (let y = 0; y + side <= part.height; y += side) {
      for (let x = 0; x + side <= part.width; x += side) squares.push(cut(part, y, x, side, side));
    }
  }
  const ranked = squares.map((square, at) => [variety(square), at]);
  ranked.sort(([one, first], [other, second]) => other - one || second - first);
  for (const [, at] of ranked.slice(0, FITS)) {
    if (isPredictable(squares[at])) return true;
    await pause();
  }
  return false;
}

/** True if some rows, or columns, that vary equal the next one, as after enlarging without a filter. */
function repeatsLines({ width, height, data }, isTurned) {
  const [lines, places] = isTurned ? [width, height] : [height, width];
  if (places < 64) return false;
  const green = (line, place) => data[3 * (isTurned ? place * width + line : line * width + place) + 1];
  let repeated = 0;
  for (let line = 1; line < lines; line++) {
    let [same, unlike] = [0, 0];
    for (let place = 0; place < places; place++) {
      if (green(line, place) === green(line - 1, place)) same++;
      if (place && green(line, place) !== green(line, place - 1)) unlike++;
    }
    if (same > WITHIN * places && unlike > 0.5 * (places - 1)) repeated++;
  }
  return repeated >= 4;
}

function variety({ width, height, data }) {
  let [inner, count, sum] = [0, 0, 0];
  const steps = new Uint32Array(256);
  for (let y = 0; y < height; y += 3) {
    for (let x = 0; x < width; x++, count++) {
      const green = data[3 * (y * width + x) + 1];
      if (green > 4 && green < 251) inner++;
      if (x < 2) continue;
      const step = Math.abs(green - data[3 * (y * width + x - 2) + 1]);
      steps[step]++;
      sum += step;
    }
  }
  const number = steps.reduce((all, each) => all + each, 0);
  return (inner / count) * (median(steps, number) + sum / number / 1000);
}

/** The median of so many values, by their counts. */
function median(counts, number) {
  const at = (place) => {
    let [value, before] = [0, counts[0]];
    while (before <= place) before += counts[++value];
    return value;
  };
  return (at((number - 1) >> 1) + at(number >> 1)) / 2;
}

/** True if a channel of a square, at some phase of two or three, is a linear function of other samples. */
function isPredictable(square) {
  const { width: side, data } = square;
  const varied = [0, 1, 2].filter((channel) => deviation(data.filter((_, at) => at % 3 === channel)) > 2);
  const grey = isGrey(square);
  const channels = grey ? varied.slice(0, 1) : varied;
  const [rows, inputs] = [side - 4, 25 * channels.length];
  if (!channels.length) return false;
  const values = new Float64Array(rows * rows * inputs);
  const inner = new Uint8Array(rows * rows).fill(1);
  channels.forEach((channel, index) =>
    AROUND.forEach(([down, across], at) => {
      const input = 25 * index + at;
      let sum = 0;
      for (let place = 0; place < rows * rows; place++) {
        const value = data[3 * ((Math.floor(place / rows) + down) * side + (place % rows) + across) + channel];
        values[place * inputs + input] = value;
        sum += value;
        if (value <= 2 || value >= 253) inner[place] = 0;
      }
      for (let place = 0; place < rows * rows; place++) values[place * inputs + input] -= sum / (rows * rows);
    }),
  );
  if (!grey) {
    for (let place = 0; place < rows * rows; place++) {
      const at = 3 * ((Math.floor(place / rows) + 2) * side + (place % rows) + 2);
      if (data[at] === data[at + 1] && data[at] === data[at + 2]) inner[place] = 0; // it carries nothing
    }
  }
  for (const period of [2, 3]) {
    for (let phase = 0; phase < period * period; phase++) {
      const [fitted, held] = [[], []];
      for (let y = Math.floor(phase / period); y < rows; y += period) {
        for (let x = phase % period; x < rows; x += period) {
          if (!inner[y * rows + x]) continue;
          const isHeld = ((y >> 3) + (x >> 3)) % 2 === 1;
          (isHeld ? held : fitted).push(values.subarray((y * rows + x) * inputs, (y * rows + x + 1) * inputs));
        }
      }
      if (Math.min(fitted.length, held.length) < LEAST) continue;
      const products = productsOf(fitted, inputs);
      if (channels.some((_, index) => isMet(index, channels.length, products, fitted.length, held))) return true;
    }
  }
  return false;
}

function deviation(values) {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  return Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length);
}

/** Sums of products of all pairs of inputs. */
function productsOf(rows, inputs) {
  const sums = new Float64Array(inputs * inputs);
  for (const row of rows) {
    for (let one = 0; one < inputs; one++) {
      const value = row[one];
      for (let other = one; other < inputs; other++) sums[one * inputs + other] += value * row[other];
    }
  }
  for (let one = 0; one < inputs; one++) {
    for (let other = 0; other < one; other++) sums[one * inputs + other] = sums[other * inputs + one];
  }
  return sums;
}

/** True if a fit predicts the held samples of a channel within rounding. */
function isMet(channel, channels, products, number, held) {
  const [inputs, target] = [25 * channels, 25 * channel + CENTER];
  const others = [];
  for (let other = 0; other < channels; other++) {
    for (const at of other === channel ? AROUND.keys() : BESIDE) if (25 * other + at !== target) others.push(25 * other + at);
  }
  // Inputs are rounded: without that variance, the weights of nearly equal ones would be huge.
  const matrix = others.map((one, row) =>
    Float64Array.from(others, (other, column) => products[one * inputs + other] + (row === column ? number * ROUNDING : 0)),
  );
  const weights = solved(matrix, others.map((one) => products[one * inputs + target]));
  let met = 0;
  for (const row of held) {
    let missed = row[target];
    others.forEach((input, at) => (missed -= row[input] * weights[at]));
    if (Math.abs(missed) <= 1) met++;
  }
  return deviation(held.map((row) => row[target])) > 2 && met >= WITHIN * held.length;
}

/** The solution of linear equations with a symmetric, positive definite matrix, by elimination. */
function solved(matrix, right) {
  const size = right.length;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = pivot + 1; row < size; row++) {
      const factor = matrix[row][pivot] / matrix[pivot][pivot];
      for (let column = pivot; column < size; column++) matrix[row][column] -= factor * matrix[pivot][column];
      right[row] -= factor * right[pivot];
    }
  }
  const solution = new Float64Array(size);
  for (let row = size - 1; row >= 0; row--) {
    let rest = right[row];
    for (let column = row + 1; column < size; column++) rest -= matrix[row][column] * solution[column];
    solution[row] = rest / matrix[row][row];
  }
  return solution;
}
