/** Whether a picture repeats itself, turned or mirrored, as stegnet/media/evidence/pictures.py tells it. */

import { isGrey } from "../picture.js";
import { cut } from "./tiles.js";

const CELL = 16; // pixels: side of a cell whose extreme is compared with those around it, half as much in small pictures
const SMALL = 1 << 18; // pixels
const LANDMARKS = 700; // the most striking ones of a channel
const LEAST_COPIES = 6; // landmarks that tell
const COPIED = 0.1; // share of them
const REACH = 8; // pixels around a landmark that its copy repeats
const WIDE = 2 * REACH + 1;
const RING = [[1, 2], [3, -4], [-2, 5], [-5, -1], [4, 6], [6, -3], [-7, 4], [-4, -7], [0, 3], [-3, 0], [7, 7], [-6, 1]];
const WITHIN = 0.99;

/** True if the surroundings of many landmarks occur elsewhere, turned, mirrored or in another channel. */
export async function repeats(picture, pause) {
  const { width, height } = picture;
  const most = 1 << 19; // pixels of a band
  if (height * width <= 2 * most) return hasCopies(picture, pause);
  const [rows, columns] = [Math.min(height, Math.floor(most / width)), Math.min(width, Math.floor(most / height))];
  const [top, left] = [(height - rows) >> 1, (width - columns) >> 1];
  return (
    (await hasCopies(cut(picture, top, 0, rows, width), pause)) || hasCopies(cut(picture, 0, left, height, columns), pause)
  );
}

async function hasCopies(picture, pause) {
  const { places, around: own } = landmarks(picture, 1);
  if (own.length < LEAST_COPIES) return false;
  const rings = own.map(ringOf);
  const hits = own.map(() => false);
  for (let turn = 0; turn < 8; turn++) {
    const turned = own.map((square) => turnedBy(square, turn));
    const others = turned.map(ringOf);
    rings.forEach((ring, at) => (hits[at] ||= isCopied(own[at], turned[nearest(ring, others, at)])));
    await pause();
  }
  const found = [hits];
  for (const channel of isGrey(picture) ? [] : [0, 2]) {
    const other = landmarks(picture, channel);
    if (other.around.length) {
      found.push(
        other.around.map((square, at) => {
          const like = nearest(ringOf(square), rings, -1);
          return other.places[at] !== places[like] && isCopied(square, own[like]);
        }),
      );
    }
    await pause();
  }
  return found.some((each) => each.filter(Boolean).length >= Math.max(LEAST_COPIES, COPIED * each.length));
}

/** Places of a channel's extremes, and the pixels around them. */
function landmarks({ width, height, data }, channel) {
  const cell = width * height > SMALL ? CELL : CELL / 2;
  const [rows, columns] = [Math.floor(height / cell), Math.floor(width / cell)];
  const found = [];
  for (const isNegative of Math.min(rows, columns) >= 3 ? [false, true] : []) {
    const [tops, at] = [new Int16Array(rows * columns).fill(-1), new Uint32Array(rows * columns)];
    for (let y = 0; y < rows * cell; y++) {
      for (let x = 0; x < columns * cell; x++) {
        const level = data[3 * (y * width + x) + channel];
        const value = isNegative ? 255 - level : level;
        const number = Math.floor(y / cell) * columns + Math.floor(x / cell);
        if (value > tops[number]) [tops[number], at[number]] = [value, y * width + x];
      }
    }
    for (let row = 1; row < rows - 1; row++) {
      for (let column = 1; column < columns - 1; column++) {
        const number = row * columns + column;
        let isHighest = true;
        for (const down of [-columns, 0, columns]) {
          for (const across of [-1, 0, 1]) if ((down || across) && tops[number + down + across] >= tops[number]) isHighest = false;
        }
        if (isHighest) found.push(at[number]);
      }
    }
  }
  const squares = found.map((place) => {
    const around = new Float32Array(WIDE * WIDE);
    for (let at = 0; at < around.length; at++) {
      const [down, across] = [Math.floor(at / WIDE) - REACH, (at % WIDE) - REACH];
      around[at] = data[3 * (place + down * width + across) + channel];
    }
    return { place, around, spread: variance(around) };
  });
  const striking = squares.sort((one, other) => other.spread - one.spread).slice(0, LANDMARKS);
  return { places: striking.map(({ place }) => place), around: striking.map(({ around }) => around) };
}

function variance(values) {
  let [sum, squares] = [0, 0];
  for (const value of values) [sum, squares] = [sum + value, squares + value * value];
  return squares / values.length - (sum / values.length) ** 2;
}

/** A square after one of eight turns, four of them mirrored. */
function turnedBy(square, turn) {
  const [quarters, isMirrored] = [turn >> 1, turn & 1];
  const turned = new Float32Array(square.length);
  for (let y = 0; y < WIDE; y++) {
    for (let x = 0; x < WIDE; x++) {
      let [row, column] = [isMirrored ? WIDE - 1 - y : y, x];
      for (let quarter = 0; quarter < quarters; quarter++) [row, column] = [column, WIDE - 1 - row];
      turned[y * WIDE + x] = square[row * WIDE + column];
    }
  }
  return turned;
}

/** Levels of points around a landmark, less its own, as a vector of length 1: the same at any contrast. */
function ringOf(around) {
  const own = around[REACH * WIDE + REACH];
  const points = RING.map(([y, x]) => around[(REACH + y) * WIDE + REACH + x] - own);
  const sign = Math.sign(points.reduce((sum, each) => sum + each, 0));
  const length = sign && Math.sqrt(points.reduce((sum, each) => sum + each * each, 0));
  return Float32Array.from(points, (each) => (sign * each) / Math.max(length, 1));
}

/** Number of the vector that is most like another, except one of them. */
function nearest(ring, others, except) {
  let [best, like] = [-Infinity, 0];
  for (let number = 0; number < others.length; number++) {
    if (number === except) continue;
    let likeness = 0;
    for (let at = 0; at < ring.length; at++) likeness += ring[at] * others[number][at];
    if (likeness > best) [best, like] = [likeness, number];
  }
  return like;
}

/** True if one of two squares follows from the other by a factor and an offset, within rounding. */
function isCopied(first, second) {
  const [one, two] = [first, second].map((square) => {
    const mean = square.reduce((sum, each) => sum + each, 0) / square.length;
    return square.map((each) => each - mean);
  });
  const energy = (square) => square.reduce((sum, each) => sum + each * each, 0);
  const [weak, strong] = energy(one) <= energy(two) ? [one, two] : [two, one]; // the weaker follows
  const gain = weak.reduce((sum, each, at) => sum + each * strong[at], 0) / Math.max(energy(strong), 1);
  const met = weak.reduce((count, each, at) => count + (Math.abs(each - gain * strong[at]) <= 1.01 ? 1 : 0), 0);
  return met >= WITHIN * weak.length && Math.sqrt(energy(weak) / weak.length) >= 6;
}
