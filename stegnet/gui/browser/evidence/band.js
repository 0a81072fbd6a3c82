/** How many changes show in bands of a spectrum that hold only rounding (stegnet/media/evidence/pictures.py). */

import { EVIDENCE } from "../../page/constants.js";
import { isGrey } from "../picture.js";
import { spread } from "./tiles.js";

const SIDE = 16; // pixels of the blocks whose spectra are averaged
const BLOCKS = 1024; // of a picture
const GROUPS = 4; // of blocks, by texture: changes go where it is
const ROUNDING = 1 / 12;
const FLOOR = 1.5 * ROUNDING; // highest power of a frequency that counts as rounding
const { HARD_DEFLECTION } = EVIDENCE;

const WINDOW = Float64Array.from({ length: SIDE }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (at + 1)) / (SIDE + 1)));
const SCALE = WINDOW.reduce((sum, each) => sum + each * each, 0);
const [COSINES, SINES] = [Math.cos, Math.sin].map((of) =>
  Float64Array.from({ length: SIDE }, (_, at) => of((2 * Math.PI * at) / SIDE)),
);

/** The number of changes at which the best detector of power in quiet bands has an AUC of .6; infinite: none has. */
export function changesInBand(picture) {
  const { width, height, data } = picture;
  if (Math.min(width, height) < SIDE) return Infinity;
  const channels = isGrey(picture) ? [0] : [0, 1, 2];
  const starts = (length, other) =>
    new Set(spread(length - SIDE, Math.min(Math.ceil(Math.sqrt((BLOCKS * length) / other)), Math.floor(length / SIDE))));
  const blocks = [];
  for (const top of starts(height, width)) {
    for (const left of starts(width, height)) {
      const levels = channels.map(() => new Float64Array(SIDE * SIDE));
      let inner = 0;
      for (let at = 0; at < 3 * SIDE * SIDE; at++) {
        const [pixel, channel] = [Math.floor(at / 3), at % 3];
        const level = data[3 * ((top + (pixel >> 4)) * width + left + (pixel & 15)) + channel];
        if (channel < channels.length) levels[channel][pixel] = level;
        if (level > 0 && level < 255) inner++;
      }
      if (inner > 0.98 * 3 * SIDE * SIDE) blocks.push({ levels, texture: textureOf(levels) });
    }
  }
  if (blocks.length < 8 * GROUPS) return Infinity;
  blocks.sort((one, other) => one.texture - other.texture);
  const groups = split(blocks, GROUPS);
  const textures = groups.map((group) => group.reduce((sum, { texture }) => sum + texture, 0) / group.length + 1e-3);
  const all = textures.reduce((sum, each) => sum + each, 0);
  let deflection = 0;
  groups.forEach((group, number) => (deflection += GROUPS * (textures[number] / all) ** 2 * quietness(group, channels.length)));
  const samples = width * height * channels.length;
  return deflection ? HARD_DEFLECTION * Math.sqrt((2 * samples) / deflection) : Infinity;
}

/** Parts of nearly the same length; the first ones may be longer by one. */
function split(values, count) {
  const parts = [];
  for (let [part, start] = [0, 0]; part < count; part++) {
    const end = start + Math.floor(values.length / count) + (part < values.length % count ? 1 : 0);
    parts.push(values.slice(start, end));
    start = end;
  }
  return parts;
}

/** Mean difference of neighbours in rows. */
function textureOf(levels) {
  let sum = 0;
  for (const channel of levels) {
    for (let at = 0; at < channel.length; at++) if (at % SIDE) sum += Math.abs(channel[at] - channel[at - 1]);
  }
  return sum / (levels.length * SIDE * (SIDE - 1));
}

/** The mean of the inverse square power of the frequencies that hold only rounding, 0 of the others. */
function quietness(group, channels) {
  const half = SIDE / 2 + 1;
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    const power = new Float64Array(SIDE * half);
    for (const { levels } of group) {
      spectrum(levels[channel]).forEach((each, at) => (power[at] += each / group.length));
    }
    power.forEach((each, at) => (sum += at && each < FLOOR ? 1 / Math.max(each, ROUNDING) ** 2 : 0));
  }
  return sum / (channels * SIDE * half);
}

/** Power of a block's frequencies, 16 of rows by 9 of columns; noise of variance 1 has 1. */
function spectrum(levels) {
  const half = SIDE / 2 + 1;
  const mean = levels.reduce((sum, each) => sum + each, 0) / levels.length;
  const [real, imaginary] = [new Float64Array(SIDE * half), new Float64Array(SIDE * half)];
  for (let row = 0; row < SIDE; row++) {
    for (let frequency = 0; frequency < half; frequency++) {
      let [x, y] = [0, 0];
      for (let at = 0; at < SIDE; at++) {
        const value = ((levels[row * SIDE + at] - mean) * WINDOW[row] * WINDOW[at]) / SCALE;
        x += value * COSINES[(frequency * at) % SIDE];
        y -= value * SINES[(frequency * at) % SIDE];
      }
      [real[row * half + frequency], imaginary[row * half + frequency]] = [x, y];
    }
  }
  const power = new Float64Array(SIDE * half);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < half; column++) {
      let [x, y] = [0, 0];
      for (let at = 0; at < SIDE; at++) {
        const [cosine, sine] = [COSINES[(row * at) % SIDE], -SINES[(row * at) % SIDE]];
        const from = at * half + column;
        x += real[from] * cosine - imaginary[from] * sine;
        y += real[from] * sine + imaginary[from] * cosine;
      }
      power[row * half + column] = x * x + y * y;
    }
  }
  return power;
}
