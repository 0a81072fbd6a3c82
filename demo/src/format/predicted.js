/** Pictures coded by a network that predicts their levels (docs/format.md, "Levels predicted by a network"). */

import { PREDICTED } from "../constants.js";
import { LevelReader } from "./mixtures.js";

const { PASSES, COLOURS, DEPTHS, MIXED, MEAN_PARTS, MOST_MEAN, WHOLE, LEAST } = PREDICTED;
const { STEPS, LEAST_SIDE, STRIP, VISIBLE, ID_BYTES } = PREDICTED;
const RESTORED = new Map(PREDICTED.RESTORED); // largest errors without and with restoring
const SEEN = 6;
const WHITE = 255;

/**
 * A network that predicts.
 *
 * @typedef {object} Predictor
 * @property {string} id of its weights, the first 8 hexadecimal digits
 * @property {number} reach pixels to each side that a pass sees
 * @property {(pass: number, film: number, known: Float32Array, rows: number, columns: number) =>
 *   Promise<{linear: Float32Array, features: Float32Array}>} trunk
 * @property {(which: number, features: Float32Array, seen: Float32Array, rows: number, columns: number) =>
 *   Promise<Float32Array>} mixture
 */

/**
 * The samples of a picture, RGB.
 *
 * @param {Uint8Array} bytes
 * @param {{width: number, height: number, parts: {step: number, rows: number}[]}} size parts: rows from the top, by step
 * @param {Predictor} predictor
 * @throws {RangeError} the bytes are not those of such a picture
 */
export async function decodePredicted(bytes, { width, height, parts }, predictor) {
  const id = Array.from(bytes.subarray(0, ID_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (id !== predictor.id) throw new RangeError(`coded by another network, ${id}`);
  if (!parts.every(({ step }) => STEPS.includes(step))) throw new RangeError("the network knows no such steps");
  const least = parts.reduce((sum, { step, rows }) => sum + leastBits(step, rows, width), 0);
  if (8 * bytes.length < least) throw new RangeError("too short");
  const reader = new LevelReader(bytes.subarray(ID_BYTES));
  const samples = new Uint8Array(3 * width * height);
  let top = 0;
  for (const { step, rows } of parts) {
    const data = samples.subarray(3 * width * top, 3 * width * (top + rows));
    const shifts = RESTORED.has(step >> 1) ? new Int8Array(data.length) : null;
    await decodePart({ data, shifts, width, rows, columns: width, stride: 1 }, step, predictor, reader);
    for (let at = 0; at < data.length; at++) {
      const middle = Math.min(WHITE, step * data[at]);
      data[at] = shifts ? Math.min(Math.max(middle + shifts[at], 0), WHITE) : middle;
    }
    top += rows;
  }
  if (!reader.finished) throw new RangeError("not the code of a picture of this size");
  return samples;
}

/** The bits that a picture takes at least. */
function leastBits(step, height, width) {
  let [rows, columns] = [height, width];
  while (Math.min(rows, columns) >= LEAST_SIDE) [rows, columns] = [(rows + 1) >> 1, (columns + 1) >> 1];
  const first = 3 * rows * columns;
  const likeliest = -Math.log2(1 - (LEAST * largest(step)) / WHOLE);
  return first * Math.log2(largest(step) + 1) + (3 * height * width - first) * likeliest;
}

/** The largest level of a step. */
const largest = (step) => Math.floor((WHITE + (step >> 1)) / step);

/** Every pixel of a grid is `stride` pixels of the picture from the next; data and shifts are the picture's, RGB. */
const index = ({ width, stride }, row, column) => 3 * stride * (row * width + column);

async function decodePart(picture, step, predictor, reader) {
  const top = largest(step);
  const grids = [picture];
  while (Math.min(grids.at(-1).rows, grids.at(-1).columns) >= LEAST_SIDE) {
    const { rows, columns, stride } = grids.at(-1);
    grids.push({ ...picture, rows: (rows + 1) >> 1, columns: (columns + 1) >> 1, stride: 2 * stride });
  }
  const coarsest = grids.at(-1);
  for (let colour = 0; colour < 3; colour++)
    for (let row = 0; row < coarsest.rows; row++)
      for (let column = 0; column < coarsest.columns; column++)
        picture.data[index(coarsest, row, column) + colour] = reader.uniform(top);
  for (let depth = grids.length - 2; depth >= 0; depth--) {
    const film = DEPTHS * (step >> 1) + Math.min(depth, DEPTHS - 1);
    for (let pass = 0; pass < PASSES.length; pass++) await decodePass(grids[depth], pass, film, top, predictor, reader);
  }
}

/** Reads one of 2×2 pixels of a grid, in strips of rows. */
async function decodePass(grid, pass, film, top, predictor, reader) {
  const [rows, columns] = [(grid.rows + 1) >> 1, (grid.columns + 1) >> 1];
  const [row, column] = PASSES[pass];
  const [height, width] = [(grid.rows + 1 - row) >> 1, (grid.columns + 1 - column) >> 1]; // of what is read
  const atOnce = Math.max(LEAST_SIDE, Math.floor(STRIP / columns));
  for (let first = 0; first < height; first += atOnce) {
    const [begin, end] = [Math.max(0, first - predictor.reach), Math.min(rows, first + atOnce + predictor.reach)];
    const known = knownPixels(grid, pass, begin, end, columns);
    const { linear, features } = await predictor.trunk(pass, film, known, end - begin, columns);
    const strip = { top: first - begin, rows: Math.min(atOnce, height - first), columns: width };
    const inside = (planes) => cropped(planes, end - begin, columns, strip);
    const place = (at, colour) => {
      const [down, across] = [Math.floor(at / width) + first, at % width];
      return index(grid, 2 * down + row, 2 * across + column) + colour;
    };
    const mixture = (order, seen) =>
      predictor.mixture(3 * pass + order, inside(features), seen, strip.rows, strip.columns);
    await decodeStrip(grid, strip.rows * strip.columns, inside(linear), mixture, place, top, reader);
  }
}

/** The pixels of earlier passes as planes; where a phase lacks the last row or column, the one before stands there. */
function knownPixels(grid, pass, begin, end, columns) {
  const phases = [[0, 0], ...PASSES.slice(0, pass)];
  const known = new Float32Array(3 * phases.length * (end - begin) * columns);
  let at = 0;
  for (const [row, column] of phases) {
    const [lastRow, lastColumn] = [((grid.rows + 1 - row) >> 1) - 1, ((grid.columns + 1 - column) >> 1) - 1];
    // A strip's end repeats its own last row, which is the phase's last one if it lacks one.
    for (let colour = 0; colour < 3; colour++)
      for (let down = begin; down < end; down++)
        for (let across = 0; across < columns; across++) {
          const from = index(grid, 2 * Math.min(down, lastRow) + row, 2 * Math.min(across, lastColumn) + column);
          known[at++] = grid.data[from + colour];
        }
  }
  return known;
}

function cropped(planes, height, width, { top, rows, columns }) {
  if (height === rows && width === columns) return planes;
  const count = planes.length / (height * width);
  const out = new Float32Array(count * rows * columns);
  for (let plane = 0, to = 0; plane < count; plane++)
    for (let row = 0; row < rows; row++, to += columns) {
      const from = (plane * height + top + row) * width;
      out.set(planes.subarray(from, from + columns), to);
    }
  return out;
}

async function decodeStrip({ data, shifts }, count, linear, mixture, place, top, reader) {
  const seen = new Float32Array(SEEN * count);
  const errors = [];
  for (const [order, colour] of COLOURS.entries()) {
    if (reader.exhausted) throw new RangeError("not the code of a picture of this size");
    const output = await mixture(order, seen);
    const part = (from, to) => Int32Array.from(output.subarray(from * count, to * count));
    const means = part(0, MIXED);
    const [scales, weights] = [part(MIXED, 2 * MIXED), part(2 * MIXED, 3 * MIXED)];
    for (let at = 0; at < count; at++) {
      const shared = errors.reduce((sum, error, which) => sum + output[(3 * MIXED + which) * count + at] * error[at], 0);
      const centre = linear[colour * count + at] + ((shared + 16) >> 5);
      for (let which = at; which < MIXED * count; which += count)
        means[which] = Math.min(Math.max(centre + means[which], -MOST_MEAN), MOST_MEAN);
    }
    const error = new Int32Array(count);
    for (let at = 0; at < count; at++) {
      const { level, expected } = reader.mixed(means, scales, weights, at, count, top);
      data[place(at, colour)] = level;
      if (shifts) shifts[place(at, colour)] = reader.shift(level, top);
      error[at] = Math.min(Math.max((MEAN_PARTS * level - expected + 1) >> 1, -VISIBLE), VISIBLE);
    }
    errors.push(error);
    if (order === 2) return;
    for (let at = 0; at < count; at++) {
      const size = Math.abs(error[at]);
      seen[3 * order * count + at] = error[at] >> 2;
      seen[(3 * order + 1) * count + at] = size >> 2;
      seen[(3 * order + 2) * count + at] = Math.min(4 * size, 64);
    }
  }
}
