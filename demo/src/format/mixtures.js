/** Levels read by mixtures of logistics, in integers alone (docs/format.md, "Levels predicted by a network"). */

import { MIXTURES } from "../constants.js";

const { MIXED, MEAN_PARTS, MOST_SCALE, MOST_WEIGHT, WHOLE, LEAST, ARGUMENT_PARTS, FARTHEST, STATE, VALUES } = MIXTURES;
const SHARES = 2 ** MIXTURES.WEIGHT_BITS; // sum of the logistics' shares
const NARROW = 2 ** MIXTURES.NARROW_BITS;
const ARGUMENT = 2 ** MIXTURES.SHIFT; // of a difference times the inverse of a scale, in a step of an argument
const WORDS_OF_STATE = 3;
const MIDDLE = VALUES >> 1;

const table = (length, value) => Float64Array.from({ length }, (_, at) => Math.floor(value(at) + 0.5));
const logistic = table(2 * FARTHEST, (at) => WHOLE / (1 + Math.exp(-(at - FARTHEST + 0.5) / ARGUMENT_PARTS)));
const narrow = table(2 * MOST_SCALE + 1, (at) => NARROW * Math.exp((MOST_SCALE - at) / 8));
const exponential = table(2 * MOST_WEIGHT + 1, (at) => WHOLE * Math.exp(-at / 8));

/** The logistic function of an argument. */
const logisticOf = (argument) => logistic[Math.min(Math.max(argument, -FARTHEST), FARTHEST - 1) + FARTHEST];

/** Reads levels; of other bytes than a writer's, it reads any, and `finished` is false. */
export class LevelReader {
  #words;
  #state;
  #place = WORDS_OF_STATE;
  #isWhole;
  #means = new Float64Array(MIXED);
  #narrow = new Float64Array(MIXED);
  #shares = new Float64Array(MIXED);

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#words = Uint16Array.from({ length: bytes.length >> 1 }, (_, at) => view.getUint16(2 * at, true));
    this.#isWhole = bytes.length % 2 === 0 && this.#words.length >= WORDS_OF_STATE;
    const [high, middle, low] = this.#isWhole ? this.#words : [0, 1, 0];
    this.#state = Math.max(STATE, (high * WHOLE + middle) * WHOLE + low);
  }

  /** True if all has been read, and nothing else. */
  get finished() {
    return this.#isWhole && this.#state === STATE && this.#place === this.#words.length;
  }

  /** True if more has been read than there is. */
  get exhausted() {
    return !this.#isWhole || this.#place > this.#words.length;
  }

  /** The next level, from 0 to `top`, all equally likely. */
  uniform(top) {
    const slot = this.#state % WHOLE;
    const edge = (level) => Math.floor((level * WHOLE) / (top + 1));
    let level = Math.floor((slot * (top + 1)) / WHOLE);
    while (edge(level + 1) <= slot) level++;
    this.#take(slot, edge(level), edge(level + 1));
    return level;
  }

  /**
   * The next level, by the mixture at a place.
   *
   * @param {Int32Array} means of each logistic at all places, in steps of 1/32 level
   * @param {Int32Array} scales logarithms, in steps of 1/8
   * @param {Int32Array} weights logarithms, in steps of 1/8
   * @param {number} at the place
   * @param {number} count of places
   * @param {number} top the largest level
   * @returns {{level: number, expected: number}} expected: the mean, in steps of 1/32
   */
  mixed(means, scales, weights, at, count, top) {
    const most = Math.max(weights[at], weights[at + count], weights[at + 2 * count]);
    let sum = 0;
    for (let part = 0; part < MIXED; part++) {
      const place = at + part * count;
      this.#means[part] = means[place];
      this.#narrow[part] = narrow[scales[place] + MOST_SCALE];
      sum += this.#shares[part] = exponential[most - weights[place]];
    }
    let expected = 0;
    for (let part = 0; part < MIXED; part++) {
      this.#shares[part] = Math.floor((this.#shares[part] * SHARES) / sum);
      expected += this.#shares[part] * this.#means[part];
    }
    const slot = this.#state % WHOLE;
    let [level, beyond, first, end] = [0, top + 1, 0, WHOLE];
    while (beyond - level > 1) {
      const middle = (level + beyond) >> 1;
      const edge = this.#below(middle, top);
      if (edge <= slot) [level, first] = [middle, edge];
      else [beyond, end] = [middle, edge];
    }
    this.#take(slot, first, end);
    return { level, expected: Math.floor(expected / SHARES) };
  }

  /** The likeliest place in its level, of five values, of the sample read last: −1, 0 or 1 from the middle. */
  shift(level, top) {
    let [before, first, moment] = [0, 0, 0];
    for (let edge = 0; edge <= VALUES; edge++) {
      let sum = 0;
      for (let part = 0; part < MIXED; part++) {
        if (level === top && edge > MIDDLE) sum += WHOLE * this.#shares[part];
        else if (level > 0 || edge > MIDDLE) {
          const place = MEAN_PARTS * (VALUES * level + edge) - (MEAN_PARTS / 2) * VALUES;
          const difference = place - VALUES * this.#means[part];
          const argument = Math.floor((difference * this.#narrow[part]) / (VALUES * ARGUMENT));
          sum += logisticOf(argument) * this.#shares[part];
        }
      }
      if (edge === 0) first = sum;
      else moment += (sum - before) * (edge - 1 - MIDDLE);
      before = sum;
    }
    const whole = Math.max(before - first, 1);
    return Math.min(Math.max(Math.floor((2 * moment + whole) / (2 * whole)), -1), 1);
  }

  /** The sum of the frequencies below a level between 1 and the largest. */
  #below(level, top) {
    let sum = 0;
    for (let part = 0; part < MIXED; part++) {
      const difference = MEAN_PARTS * level - MEAN_PARTS / 2 - this.#means[part];
      const argument = Math.floor((difference * this.#narrow[part]) / ARGUMENT);
      sum += logisticOf(argument) * this.#shares[part];
    }
    const all = Math.floor(sum / SHARES) * (WHOLE - LEAST * (top + 1));
    return Math.floor(all / WHOLE) + LEAST * level;
  }

  #take(slot, first, end) {
    this.#state = (end - first) * Math.floor(this.#state / WHOLE) + slot - first;
    if (this.#state >= STATE) return;
    this.#state = this.#state * WHOLE + (this.#words[this.#place] ?? 0);
    this.#place++;
  }
}
