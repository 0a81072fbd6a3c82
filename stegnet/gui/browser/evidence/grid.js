/** Whether coefficients of 8×8 blocks, at any of 64 offsets, are multiples of steps (stegnet/media/evidence/lattice.py). */

import { COSINES } from "../jpeg/blocks.js";

const FREQUENCIES = [[0, 1], [1, 0], [1, 1], [0, 2], [2, 0], [1, 2], [2, 1], [2, 2], [0, 3], [3, 0]];
const STEPS = Array.from({ length: 31 }, (_, at) => at + 2);
/** Steps of a picture whose contrast was reduced. */
export const SCALED_STEPS = Array.from({ length: 90 }, (_, at) => 1.8 * (24 / 1.8) ** (at / 89));
const BINS = 8; // for each level
const PLACES = BINS * 64; // of the levels that are counted
const LEAST_VALUES = 30; // that tell a step

/** Histograms of coefficients by frequency and offset. */
export class DctHistograms {
  #counts = new Float64Array(FREQUENCIES.length * 64 * PLACES);

  /** Adds luma that begins at this row and column. @param {Float32Array} luma */
  add(top, left, luma, height, width) {
    const [rows, columns] = [height - 7, width - 7];
    if (rows < 1 || columns < 1) return;
    const byRows = [0, 1, 2, 3].map((frequency) => {
      const sums = new Float32Array(rows * width);
      for (let place = 0; place < 8; place++) {
        const weight = COSINES[8 * frequency + place];
        for (let at = 0; at < sums.length; at++) sums[at] += luma[at + place * width] * weight;
      }
      return sums;
    });
    FREQUENCIES.forEach(([down, across], index) => {
      const [sums, weights] = [byRows[down], COSINES.subarray(8 * across, 8 * across + 8)];
      for (let row = 0; row < rows; row++) {
        const offsets = 64 * index + 8 * ((top + row) % 8);
        for (let column = 0; column < columns; column++) {
          let value = 0;
          const at = row * width + column;
          for (let place = 0; place < 8; place++) value += sums[at + place] * weights[place];
          const place = Math.min(Math.round(Math.abs(value) * BINS), PLACES - 1);
          this.#counts[(offsets + ((left + column) % 8)) * PLACES + place]++;
        }
      }
    });
  }

  /** Adds what another one has counted. */
  join(other) {
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at] += other.#counts[at];
  }

  /**
   * How surely the coefficients at each of 64 offsets are multiples of steps, in standard deviations.
   *
   * @param {number} sharpness least mean cosine of the phases that counts, by that which rounding leaves
   */
  #scores(steps, sharpness) {
    const squares = new Float64Array(64);
    for (let at = 0; at < FREQUENCIES.length * 64; at++) {
      const counts = this.#counts.subarray(at * PLACES, (at + 1) * PLACES - 1); // the last are too large
      const best = this.#best(counts, steps, sharpness);
      squares[at % 64] += best * best;
    }
    return squares.map(Math.sqrt);
  }

  #best(counts, steps, sharpness) {
    const beyond = new Float64Array(counts.length + 1); // values from a place on
    for (let place = counts.length - 1; place >= 0; place--) beyond[place] = beyond[place + 1] + counts[place];
    let best = 0;
    for (const step of steps) {
      const first = Math.floor((step * BINS) / 2) + 1; // the values that are not nearest to 0
      const number = beyond[first];
      if (number < LEAST_VALUES) continue;
      let sum = 0;
      const waves = wavesOf(step);
      for (let place = first; place < counts.length; place++) sum += counts[place] * waves[place];
      // Noise beyond rounding hides changes: a grid that it blurs proves none.
      const isSharp = sum >= sharpness * number * Math.exp((-2 * Math.PI ** 2 * 0.1) / step ** 2);
      if (isSharp) best = Math.max(best, sum * Math.sqrt(2 / number));
    }
    return best;
  }

  /** True if the coefficients at some offset are multiples of steps, and at most others are not. */
  isQuantised(steps = STEPS) {
    const sorted = this.#scores(steps, 0.5).sort();
    return sorted[63] >= Math.max(16, sorted[31] + sorted[32]);
  }

  /** True if those of a JPEG were so at another offset before; its own shows faintly beside (0, 0). */
  wasQuantised() {
    const scores = this.#scores(STEPS, 0); // the second tables may blur the first grid
    scores[0] = 0;
    const beside = scores.map((score, at) => (at < 8 || at % 8 === 0 ? 0 : score)).sort();
    if (beside[63] >= 12 && beside[63] >= 1.8 * beside[62]) return true;
    const sorted = scores.sort();
    return sorted[63] >= 20 && sorted[63] >= 3 * sorted[62];
  }
}

const waves = new Map(); // by step

/** Cosines of the phases of values by a step. */
function wavesOf(step) {
  if (!waves.has(step)) {
    waves.set(step, Float64Array.from({ length: PLACES }, (_, at) => Math.cos((2 * Math.PI * at) / BINS / step)));
  }
  return waves.get(step);
}
