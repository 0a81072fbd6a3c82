/** Trits in lanes of samples (docs/format.md, "Record zone"). */

import { TRELLIS } from "../constants.js";
import { laneTrits, MAX_WIDTH, stepSearch } from "./trellis.js";

const { LEAST_ROWS, MAX_LANES, TURNS } = TRELLIS; // TURNS: in which lanes are searched where costs follow the steps of others

const lanesFor = (trits) => Math.max(1, Math.min(Math.floor(trits / LEAST_ROWS), MAX_LANES));

/** Trits that fit in any case. @param {number} samples of the zone */
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

/**
 * @param {number} trits to be held, no more than `mostTrits`
 * @param {number} samples of the zone
 * @returns {Layout}
 */
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
 * @param {Layout} layout
 * @param {number} height of the code
 * @param {import("./costs.js").StepCosts} costs of these samples
 * @param {((steps: Int8Array, isNext: (sample: number) => boolean) => void) | null} [following] changes the costs of the
 *   samples that come next, by the steps so far, if these matter: every fourth lane is then searched first, the others
 *   in three turns after it. Without effect where samples are merged, since few of them change.
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
