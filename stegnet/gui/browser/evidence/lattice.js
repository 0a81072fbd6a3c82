/** Levels, colours and coefficients that a picture leaves out, as stegnet/media/evidence/lattice.py tells it. */

import { EVIDENCE } from "../../page/constants.js";
import { DctHistograms, SCALED_STEPS } from "./grid.js";
import { transform } from "./fourier.js";
import { cut } from "./tiles.js";

const { COPY, LACKS_COLOURS, LACKS_LEVELS } = EVIDENCE;
const ROUNDING = 1 / 12; // variance of rounding to integers
const LUMAS = [[0.299, 0.587, 0.114], [0.2126, 0.7152, 0.0722], [0.2627, 0.678, 0.0593]];
const [LIMITED_LUMA, LIMITED_CHROMA] = [219 / 255, 224 / 255];
const GRID_SIDE = 200; // pixels of a tile whose blocks are asked for a grid

/** What a picture, given by its tiles, leaves out, in words; null if nothing. @param {() => Promise<void>} pause */
export async function latticeProof(parts, pause) {
  const pooled = new DctHistograms();
  for (const part of parts) {
    const grid = new DctHistograms();
    const { width, height, data } = cut(part, 0, 0, GRID_SIDE, GRID_SIDE);
    grid.add(part.top, part.left, lumaOf(data), height, width);
    if (grid.isQuantised()) return COPY;
    pooled.join(grid);
    await pause();
  }
  if (pooled.isQuantised() || pooled.isQuantised(SCALED_STEPS)) return COPY;

  const inAll = [0, 1, 2].map(() => new Uint32Array(256));
  for (const { data } of parts) {
    const counts = [0, 1, 2].map(() => new Uint32Array(256));
    for (let at = 0; at < data.length; at++) counts[at % 3][data[at]]++;
    if (counts.some(leavesLevelsOut)) return LACKS_LEVELS;
    counts.forEach((levels, channel) => levels.forEach((count, level) => (inAll[channel][level] += count)));
  }
  if (inAll.some(leavesLevelsOut)) return LACKS_LEVELS;
  for (const part of parts) {
    const proof = colourProof(part);
    if (proof) return proof;
    await pause();
  }
  return null;
}

function lumaOf(data) {
  const luma = new Float32Array(data.length / 3);
  for (let at = 0; at < luma.length; at++) {
    luma[at] = Math.round(0.299 * data[3 * at] + 0.587 * data[3 * at + 1] + 0.114 * data[3 * at + 2]);
  }
  return luma;
}

/** True if a histogram has gaps between levels that are frequent, or few levels at all. */
function leavesLevelsOut(counts) {
  const total = counts.reduce((sum, each) => sum + each, 0);
  if (total < 2000) return false;
  let single = 0;
  for (let level = 2; level < 254; level++) {
    const beside = Math.min(counts[level - 1], counts[level + 1]);
    if (beside >= 30 && counts[level] < 0.05 * beside) single++;
  }
  if (single >= 3) return true;
  let [sum, first, last] = [0, -1, -1];
  for (let level = 0; level < 256; level++) {
    sum += counts[level];
    if (first < 0 && sum >= 0.02 * total) first = level;
    if (last < 0 && sum >= 0.98 * total) last = level;
  }
  if (last - first < 24) return false;
  const reach = 17; // levels on a side, the most frequent of which tells what noise would give
  const mostOf = (from, to) => counts.subarray(Math.max(from, 0), Math.max(to, 0)).reduce((most, each) => Math.max(most, each), 0);
  let [runs, before, levels] = [0, false, 0];
  for (let level = 0; level < 256; level++) {
    const near = Math.min(mostOf(level - reach, level), mostOf(level + 1, level + 1 + reach));
    const isGap = level >= Math.max(first, 1) && level < Math.min(last, 254) + 1 && near >= 20 && counts[level] < 0.05 * near;
    if (isGap && !before && level > 0) runs++;
    before = isGap;
    if (level >= first && level <= last && counts[level]) levels++;
  }
  return runs >= 8 || levels <= 16;
}

/** What gives the colours of a tile away, in words. */
function colourProof({ width, height, data }) {
  const colours = [];
  let grey = 0;
  const apart = Math.ceil(height / 86); // rows that are enough
  for (let row = 0; row < height; row += apart) {
    for (let at = 3 * row * width; at < 3 * (row + 1) * width; at += 3) {
      const [red, green, blue] = data.subarray(at, at + 3);
      if (Math.min(red, green, blue) === 0 || Math.max(red, green, blue) === 255) continue;
      colours.push([red, green, blue]);
      if (red === green && green === blue) grey++;
    }
  }
  if (colours.length < 500 || grey > 0.9 * colours.length) return null;
  const occurs = new Float64Array(1 << 16);
  for (const [red, green, blue] of colours) occurs[(((red - green) & 255) << 8) | ((blue - green) & 255)] = 1;
  const number = occurs.reduce((sum, each) => sum + each, 0);
  if (number >= 200) {
    const peak = highestPeak(occurs);
    if (peak >= 6 * Math.sqrt(number) && peak >= 0.14 * number) return isDecoded(occurs) ? COPY : LACKS_COLOURS;
  }
  if (hasStepsOfHue(colours)) return LACKS_COLOURS;
  const every = Uint32Array.from(new Set(colours.map(([red, green, blue]) => (red << 16) | (green << 8) | blue))).sort();
  if (every.length <= 256) return deviation(colours.map(([, green]) => green)) > 8 ? LACKS_COLOURS : null;
  const sample = every.filter((_, at) => at % Math.ceil(every.length / 4096) === 0);
  for (const [red, green, blue] of LUMAS) {
    const lumas = Array.from(sample, (each) => red * (each >> 16) + green * ((each >> 8) & 255) + blue * (each & 255));
    if (coherence(lumas.map((luma) => LIMITED_LUMA * luma)) >= Math.max(0.25, 8 / Math.sqrt(sample.length))) return COPY;
  }
  return null;
}

/** The highest peak of a spectrum of 256×256 places, besides what their spread gives. */
function highestPeak(occurs) {
  const [real, imaginary] = [Float64Array.from(occurs), new Float64Array(occurs.length)];
  for (let row = 0; row < 256; row++) transform(real, imaginary, 256 * row, 1);
  let peak = 0;
  for (let column = 0; column <= 128; column++) {
    transform(real, imaginary, column, 256);
    for (let row = 0; row < 256; row++) {
      if (column < 40 && (row < 40 || row > 256 - 40)) continue;
      peak = Math.max(peak, Math.hypot(real[256 * row + column], imaginary[256 * row + column]));
    }
  }
  return peak;
}

/** True if differences of colours come from integer Cb of some range. */
function isDecoded(occurs) {
  const pairs = [];
  const signed = (level) => (level < 128 ? level : level - 256);
  occurs.forEach((is, at) => is && pairs.push([signed(at >> 8), signed(at & 255)]));
  return LUMAS.some(([weight, , ofBlue]) =>
    [1, LIMITED_CHROMA].some(
      (scale) => coherence(pairs.map(([red, blue]) => scale * (blue / 2 - (weight / (2 - 2 * ofBlue)) * red))) >= 0.14,
    ),
  );
}

/** Length of the mean of unit vectors at so many turns. */
function coherence(turns) {
  let [x, y] = [0, 0];
  for (const turn of turns) [x, y] = [x + Math.cos(2 * Math.PI * turn), y + Math.sin(2 * Math.PI * turn)];
  return Math.hypot(x, y) / turns.length;
}

function deviation(values) {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  return Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length);
}

/** True if the hue of strong colours is a multiple of a step, as in 8 bits. */
function hasStepsOfHue(colours) {
  const found = new Set();
  for (const colour of colours) {
    const [least, middle, most] = [...colour].sort((one, other) => one - other);
    if (most - least >= 60) found.add(((most - least) << 8) | (middle - least));
  }
  return [30, 42.5, 128 / 3, 60].some((number) => {
    let [x, y, total] = [0, 0, 0];
    for (const pair of found) {
      const [chroma, part] = [pair >> 8, pair & 255];
      const weight = Math.exp(-2 * Math.PI ** 2 * ROUNDING * (number / chroma) ** 2); // what rounding leaves
      const phase = (2 * Math.PI * number * part) / chroma;
      [x, y, total] = [x + weight * Math.cos(phase), y + weight * Math.sin(phase), total + weight ** 2];
    }
    const least = Math.max(0.3 * total, 8 * Math.sqrt(total));
    return least > 0 && Math.hypot(x, y) >= least;
  });
}
