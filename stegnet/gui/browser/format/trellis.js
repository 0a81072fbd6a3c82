/**
 * Syndrome-trellis codes over GF(3) (docs/format.md, "Record zone"; Filler, Judas, Fridrich: Minimizing Additive Distortion
 * in Steganography Using Syndrome-Trellis Codes, IEEE TIFS 6(3), 2011): bytes as trits, and trits in lanes of samples.
 *
 * A lane's trit is a weighted sum, modulo 3, of the samples in its row and in the `height` − 1 rows before.
 */

import { TRELLIS } from "../../page/constants.js";

const { LEAST_ROWS, MAX_LANES, TURNS } = TRELLIS; // TURNS: in which lanes are searched where costs follow the steps of others
const { BITS, TRITS } = TRELLIS;

/** Weights of a row's samples in its own trit and the next ones, by height: ternary digits, the row's own last. */
const COLUMNS = Object.fromEntries(TRELLIS.COLUMNS);
const digits = (column, height) =>
  Uint8Array.from({ length: height }, (_, digit) => Math.floor(column / 3 ** digit) % 3);
const WEIGHTS = Object.fromEntries(
  Object.entries(COLUMNS).map(([height, columns]) => [height, columns.map((column) => digits(column, height))]),
);
export const MAX_HEIGHT = TRELLIS.HEIGHTS.at(-1);
export const { MAX_WIDTH } = TRELLIS; // samples of a row

/** The trits of one lane. @param {Uint8Array} values of its samples modulo 3, in order */
export function laneTrits(values, rows, height) {
  const sums = new Uint32Array(rows.length + height);
  const weights = WEIGHTS[height];
  for (let row = 0, at = 0; row < rows.length; row++) {
    for (let sample = 0; sample < rows[row]; sample++, at++) {
      for (let later = 0; later < height; later++) sums[row + later] += weights[sample][later] * values[at];
    }
  }
  return rows.map((_, row) => sums[row] % 3);
}

// A cost is shifted to the left by CHOICE_BITS, and the choice that leads to it follows: so the least one is found
// without a branch, which processors can't predict here.
const [CHOICE_BITS, CHOICE] = [2, 3];
const [UP, DOWN] = [1, 2]; // 0: the sample stays as it is
const UNREACHABLE = 2 ** 30; // far above any lane's cost

/**
 * A search for the cheapest steps of a lane's samples that give it the wanted trits (a Viterbi search over 3^height
 * states).
 *
 * @returns {(wanted: Uint8Array, values: Uint8Array, rows: Uint8Array, up: Uint16Array, down: Uint16Array) =>
 *   Int8Array} from a lane's trits, samples and the costs of their steps to each one's step: −1, 0 or 1
 */
export function stepSearch(height) {
  const states = 3 ** height;
  const moves = COLUMNS[height].map((column) => movesOf(states, column));
  let found = new Int32Array(); // costs of all states, at the start and after each sample and row

  return function search(wanted, values, rows, up, down) {
    const missing = laneTrits(values, rows, height).map((trit, row) => (wanted[row] + 3 - trit) % 3);
    const size = (values.length + rows.length + 1) * states;
    if (found.length < size) found = new Int32Array(size);
    found.fill(UNREACHABLE, 0, states);
    found[0] = 0;
    let end = 0; // of the costs so far, their last states' first
    for (let row = 0, at = 0; row < rows.length; row++) {
      for (let sample = 0; sample < rows[row]; sample++, at++, end += states) {
        const { upFrom, downFrom, isOne } = moves[sample];
        const rise = (up[at] << CHOICE_BITS) + UP;
        const fall = (down[at] << CHOICE_BITS) + DOWN;
        if (isOne) relax(found, end, upFrom, downFrom, rise, fall);
        else relax(found, end, downFrom, upFrom, fall, rise);
      }
      nextRow(found, end, states, missing[row]);
      end += states;
    }
    return traced(end, missing, rows, values.length);
  };

  /** The steps on the cheapest way, from its last state back to the first. */
  function traced(end, missing, rows, samples) {
    const steps = new Int8Array(samples);
    let [state, at] = [0, samples];
    for (let other = 1; other < states / 3; other++) if (found[end + other] < found[end + state]) state = other;
    for (let row = rows.length; row-- > 0;) {
      state = 3 * state + missing[row];
      end -= states;
      for (let sample = rows[row]; sample-- > 0; end -= states) {
        const choice = found[end + state] & CHOICE;
        at--;
        if (choice === UP) [steps[at], state] = [1, moves[sample].beforeUp[state]];
        else if (choice === DOWN) [steps[at], state] = [-1, moves[sample].beforeDown[state]];
      }
    }
    return steps;
  }
}

/**
 * The states from which a sample's steps lead to each state.
 *
 * A column's lowest digit is 1 or 2: of the steps up and down, one leads from the lowest digits 2, 0, 1 to 0, 1, 2, and
 * the other from 1, 2, 0. So three states that follow each other come from three such states.
 */
function movesOf(states, column) {
  const [beforeUp, beforeDown] = [shiftedStates(states, column, -1), shiftedStates(states, column, 1)];
  const firsts = (before) => Int32Array.from({ length: states / 3 }, (_, at) => 3 * Math.floor(before[3 * at] / 3));
  return { beforeUp, beforeDown, upFrom: firsts(beforeUp), downFrom: firsts(beforeDown), isOne: column % 3 === 1 };
}

/**
 * One sample's part of the search: writes the least cost of each state behind the costs before, from `first` on. A step
 * leads to the digits 0, 1, 2 from the three states 2, 0, 1 whose first is in `lower`, the other from 1, 2, 0 in `upper`.
 */
function relax(found, first, lower, upper, toLower, toUpper) {
  const states = 3 * lower.length;
  for (let three = 0; three < lower.length; three++) {
    const from = (first + 3 * three) | 0;
    const low = (first + lower[three]) | 0;
    const high = (first + upper[three]) | 0;
    const to = (from + states) | 0;
    found[to] = least(found[from], found[low + 2], found[high + 1], toLower, toUpper);
    found[to + 1] = least(found[from + 1], found[low], found[high + 2], toLower, toUpper);
    found[to + 2] = least(found[from + 2], found[low + 1], found[high], toLower, toUpper);
  }
}

/** The least of three costs, two of them after a step. `| 0` keeps them integers, which is three times as fast. */
function least(stay, lower, upper, toLower, toUpper) {
  const one = ((lower & ~CHOICE) + toLower) | 0;
  const other = ((upper & ~CHOICE) + toUpper) | 0;
  const toOne = ((stay & ~CHOICE) - one) | 0;
  const less = (one + (toOne & (toOne >> 31))) | 0;
  const toOther = (less - other) | 0;
  return (other + (toOther & (toOther >> 31))) | 0;
}

/** Keeps the states whose lowest digit is what the row must add, and shifts them by that digit. */
function nextRow(found, first, states, missing) {
  for (let state = 0; state < states / 3; state++) {
    found[first + states + state] = found[first + 3 * state + missing] & ~CHOICE;
  }
  found.fill(UNREACHABLE, first + states + states / 3, first + 2 * states);
}

/** Each state plus or minus a column, digit by digit modulo 3. */
function shiftedStates(states, column, sign) {
  return Uint16Array.from({ length: states }, (_, state) => {
    let shifted = 0;
    for (let digit = 1; digit < states; digit *= 3) {
      const sum = Math.floor(state / digit) + sign * (Math.floor(column / digit) % 3) + 3;
      shifted += digit * (sum % 3);
    }
    return shifted;
  });
}

const lanesFor = (trits) => Math.max(1, Math.min(Math.floor(trits / LEAST_ROWS), MAX_LANES));

/** Trits that fit in any case. */
export const mostTrits = (samples) => Math.max(0, samples - lanesFor(samples));

/**
 * An arrangement of trits and samples in lanes.
 *
 * @typedef {object} Layout
 * @property {number} lanes
 * @property {Uint8Array} rows number of sums in each row of a lane
 * @property {number} sums of a lane
 * @property {number} merged samples in each sum
 */

/** @param {number} trits to be held, no more than `mostTrits` */
export function layoutFor(trits, samples) {
  const lanes = lanesFor(trits);
  const count = Math.ceil(trits / lanes);
  const each = Math.floor(samples / lanes);
  const merged = Math.max(1, Math.ceil(each / (MAX_WIDTH * count)));
  return { lanes, merged, ...rowsOf(Math.floor(each / merged), count) };
}

/** So many sums in so many rows, the wider rows evenly spread. */
export function rowsOf(sums, count) {
  const width = Math.floor(sums / count);
  const wide = sums % count;
  const start = (row) => row * width + Math.floor((row * wide) / count);
  const rows = Uint8Array.from({ length: count }, (_, row) => start(row + 1) - start(row));
  return { rows, sums };
}

/** The trits in a zone, one row of all lanes after the other. @param {Uint8Array} values of its samples */
export function readTrits(values, { lanes, rows, sums, merged }, height) {
  const trits = new Uint8Array(lanes * rows.length);
  const added = new Uint8Array(sums);
  for (let lane = 0; lane < lanes; lane++) {
    for (let sum = 0, element = lane; sum < sums; sum++) {
      let value = 0;
      for (let part = 0; part < merged; part++, element += lanes) value += values[element];
      added[sum] = value % 3;
    }
    laneTrits(added, rows, height).forEach((trit, row) => (trits[row * lanes + lane] = trit));
  }
  return trits;
}

/**
 * The cheapest steps after which a zone's samples hold trits.
 *
 * @param {Uint8Array} values of its samples
 * @param {Uint8Array} trits or fewer: those that are missing are 0
 * @param {number} height of the code
 * @param {import("./costs.js").StepCosts} costs of these samples
 * @param {((steps: Int8Array, isNext: (sample: number) => boolean) => void) | null} [following] changes the costs of
 *   the samples that come next, by the steps so far, if these matter: every fourth lane is then searched first, the
 *   others in three turns after it. Without effect where samples are merged, since few of them change.
 * @returns {Int8Array} −1, 0 or 1 for each sample
 */
export function stepsFor(values, trits, layout, height, costs, following = null) {
  const steps = new Int8Array(values.length);
  const search = laneSearch(values, trits, layout, height, costs, steps);
  const turns = following && layout.merged === 1 ? TURNS : 1;
  for (let turn = 0; turn < turns; turn++) {
    if (turn) following(steps, (sample) => (sample % layout.lanes) % TURNS === turn);
    for (let lane = turn; lane < layout.lanes; lane += turns) search(lane);
  }
  return steps;
}

/** A function that writes the steps of one lane. */
function laneSearch(values, trits, { lanes, rows, sums, merged }, height, costs, steps) {
  const search = stepSearch(height);
  const added = new Uint8Array(sums);
  const [up, down] = [new Uint16Array(sums), new Uint16Array(sums)];
  const [raised, lowered] = [new Uint32Array(sums), new Uint32Array(sums)]; // the cheapest sample of each sum
  return (lane) => {
    for (let sum = 0, element = lane; sum < sums; sum++) {
      let value = 0;
      let rise = element;
      let fall = element;
      for (let part = 0; part < merged; part++, element += lanes) {
        value += values[element];
        if (costs.up[element] < costs.up[rise]) rise = element;
        if (costs.down[element] < costs.down[fall]) fall = element;
      }
      added[sum] = value % 3;
      up[sum] = costs.up[rise];
      down[sum] = costs.down[fall];
      raised[sum] = rise;
      lowered[sum] = fall;
    }
    const wanted = rows.map((_, row) => trits[row * lanes + lane] ?? 0);
    const found = search(wanted, added, rows, up, down);
    for (let sum = 0; sum < sums; sum++) {
      if (found[sum]) steps[found[sum] > 0 ? raised[sum] : lowered[sum]] = found[sum];
    }
  };
}

/** Number of trits that hold this many bytes. */
export const tritsFor = (bytes) => TRITS * Math.ceil((8 * bytes) / BITS);

/** Bytes, at most, in this many trits. */
export const bytesIn = (trits) => Math.floor((BITS * Math.floor(trits / TRITS)) / 8);

/** @returns {Uint8Array} trits, each group's most significant first */
export function toTrits(bytes) {
  const trits = new Uint8Array(tritsFor(bytes.length));
  for (let group = 0; group < trits.length / TRITS; group++) {
    let word = bitsAt(bytes, BITS * group);
    for (let trit = TRITS; trit-- > 0; word = Math.floor(word / 3)) trits[TRITS * group + trit] = word % 3;
  }
  return trits;
}

/** 19 bits from a bit on; those behind the end are zero. */
function bitsAt(bytes, bit) {
  const at = bit >> 3;
  const window = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const wide = window * 256 + (bytes[at + 3] ?? 0); // 32 bits: beyond a signed integer
  return Math.floor(wide / 2 ** (32 - BITS - (bit & 7))) % 2 ** BITS;
}

/** The bytes that `toTrits` turned into trits; null if it can't have. */
export function fromTrits(trits, size) {
  const padded = new Uint8Array(Math.ceil((trits.length / TRITS) * (BITS / 8)) + 4);
  for (let group = 0; group < trits.length / TRITS; group++) {
    let word = 0;
    for (let trit = 0; trit < TRITS; trit++) word = 3 * word + trits[TRITS * group + trit];
    if (word >= 2 ** BITS) return null;
    putBits(padded, BITS * group, word);
  }
  if (padded.subarray(size).some((byte) => byte !== 0)) return null;
  return padded.slice(0, size);
}

function putBits(bytes, bit, word) {
  const wide = word * 2 ** (32 - BITS - (bit & 7));
  for (let byte = 0; byte < 4; byte++) bytes[(bit >> 3) + byte] |= Math.floor(wide / 2 ** (24 - 8 * byte)) & 0xff;
}
