/**
 * Syndrome-trellis codes over GF(3) (docs/format.md, "Record"; Filler, Judas, Fridrich: Minimizing Additive Distortion
 * in Steganography Using Syndrome-Trellis Codes, IEEE TIFS 6(3), 2011).
 *
 * A lane's trit is a weighted sum, modulo 3, of the samples in its row and in the `height` − 1 rows before.
 */

/** Weights of a row's samples in its own trit and the next ones, by height: ternary digits, the row's own last. */
const COLUMNS = {
  1: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  2: [8, 5, 4, 7, 4, 5, 7, 5, 4, 5, 8, 8, 7, 8, 5, 4],
  3: [25, 13, 23, 19, 20, 22, 26, 14, 16, 11, 17, 10, 26, 25, 26, 13],
  4: [70, 32, 79, 35, 74, 47, 71, 80, 44, 68, 55, 59, 77, 62, 28, 40],
  5: [202, 131, 119, 100, 178, 127, 86, 175, 130, 184, 212, 137, 205, 94, 133, 83],
  6: [514, 647, 512, 650, 293, 593, 403, 665, 287, 383, 353, 725, 694, 728, 641, 400],
};
const digits = (column, height) =>
  Uint8Array.from({ length: height }, (_, digit) => Math.floor(column / 3 ** digit) % 3);
const WEIGHTS = Object.fromEntries(
  Object.entries(COLUMNS).map(([height, columns]) => [height, columns.map((column) => digits(column, height))]),
);
export const MAX_HEIGHT = 6;
export const MAX_WIDTH = 16; // samples of a row

/**
 * The trits of one lane.
 *
 * @param {Uint8Array} values of its samples modulo 3, in order
 * @param {Uint8Array} rows
 * @param {number} height
 */
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

/**
 * A search for the cheapest steps of a lane's samples that give it the wanted trits (a Viterbi search over
 * 3^height states).
 *
 * @param {number} height
 * @returns {(wanted: Uint8Array, values: Uint8Array, rows: Uint8Array, up: Uint16Array, down: Uint16Array)
 *   => Int8Array} from a lane's trits, samples and the costs of their steps to each one's step: −1, 0 or 1
 */
export function stepSearch(height) {
  const states = 3 ** height;
  const beforeUp = COLUMNS[height].map((column) => shiftedStates(states, column, -1));
  const beforeDown = COLUMNS[height].map((column) => shiftedStates(states, column, 1));
  let [costs, next] = [new Int32Array(states), new Int32Array(states)];
  let choices = new Uint8Array();

  return function search(wanted, values, rows, up, down) {
    const missing = laneTrits(values, rows, height).map((trit, row) => (wanted[row] + 3 - trit) % 3);
    if (choices.length < values.length * states) choices = new Uint8Array(values.length * states);
    costs.fill(UNREACHABLE);
    costs[0] = 0;
    let at = 0;
    for (const [row, width] of rows.entries()) {
      for (let sample = 0; sample < width; sample++, at++) {
        const part = choices.subarray(at * states, (at + 1) * states);
        relax(costs, next, beforeUp[sample], beforeDown[sample], up[at], down[at], part);
        [costs, next] = [next, costs];
      }
      next.fill(UNREACHABLE);
      for (let state = 0; state < states / 3; state++) next[state] = costs[3 * state + missing[row]];
      [costs, next] = [next, costs];
    }
    return traced(costs.indexOf(costs.reduce((least, cost) => Math.min(least, cost))), missing, rows, at);
  };

  /** The steps on the cheapest way, from its last state back to the first. */
  function traced(last, missing, rows, samples) {
    const steps = new Int8Array(samples);
    let [state, at] = [last, samples];
    for (let row = rows.length; row-- > 0;) {
      state = 3 * state + missing[row];
      for (let sample = rows[row]; sample-- > 0;) {
        const choice = choices[--at * states + state];
        if (choice === UP) [steps[at], state] = [1, beforeUp[sample][state]];
        else if (choice === DOWN) [steps[at], state] = [-1, beforeDown[sample][state]];
      }
    }
    return steps;
  }
}

const [STAY, UP, DOWN] = [0, 1, 2];
const UNREACHABLE = 2 ** 30; // cost of a state; far above that of any lane

/**
 * One sample's part of the search: the least cost of each state, and the choice that leads there.
 *
 * @param {Uint16Array} beforeUp the state before a step up, by the one after it
 * @param {Uint16Array} beforeDown
 */
function relax(costs, next, beforeUp, beforeDown, up, down, choices) {
  for (let state = 0; state < next.length; state++) {
    let least = costs[state];
    let choice = STAY;
    const raised = costs[beforeUp[state]] + up;
    const lowered = costs[beforeDown[state]] + down;
    if (raised < least) {
      least = raised;
      choice = UP;
    }
    if (lowered < least) {
      least = lowered;
      choice = DOWN;
    }
    next[state] = least;
    choices[state] = choice;
  }
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
