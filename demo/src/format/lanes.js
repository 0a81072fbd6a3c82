/** A record's trits in the lanes of its zone (docs/format.md, "Record"). */

import { downCost, stepped, upCost } from "./costs.js";
import { laneTrits, MAX_HEIGHT, MAX_WIDTH, stepSearch } from "./trellis.js";

const LANE_TRITS = 128;
const MAX_LANES = 65536;
const MIN_HEIGHT = 2;
const STATES = 4e7; // of a search, at most, unless the lowest height has more

const lanesFor = (trits) => Math.max(1, Math.min(Math.floor(trits / LANE_TRITS), MAX_LANES));

/** Trits that fit in any case. @param {number} carriers of the zone */
export const capacity = (carriers) => Math.max(0, carriers - lanesFor(carriers));

/**
 * The lanes of a record.
 *
 * @typedef {object} Layout
 * @property {number} lanes
 * @property {Uint8Array} rows number of sums in each row of a lane
 * @property {number} sums of a lane
 * @property {number} merged samples in each sum
 */

/**
 * @param {number} trits to be held, no more than `capacity`
 * @param {number} carriers of the zone
 * @returns {Layout}
 */
export function layoutFor(trits, carriers) {
  const lanes = lanesFor(trits);
  const count = Math.ceil(trits / lanes);
  const each = Math.floor(carriers / lanes);
  const merged = Math.ceil(each / (MAX_WIDTH * count));
  const sums = Math.floor(each / merged);
  const width = Math.floor(sums / count);
  const wide = sums % count;
  const start = (row) => row * width + Math.floor((row * wide) / count);
  const rows = Uint8Array.from({ length: count }, (_, row) => start(row + 1) - start(row));
  return { lanes, rows, sums, merged };
}

/** The greatest height whose search visits few enough states: the greater, the fewer steps. */
export function heightFor({ lanes, sums }) {
  let height = MAX_HEIGHT;
  while (height > MIN_HEIGHT && 3 ** height * lanes * sums > STATES) height--;
  return height;
}

/** The trits in the lanes of a zone. @param {Uint8Array} samples of the frame @param {Layout} layout */
export function readTrits(samples, zone, layout, height) {
  const { lanes, rows, sums } = layout;
  const trits = new Uint8Array(lanes * rows.length);
  const values = new Uint8Array(sums);
  for (let lane = 0; lane < lanes; lane++) {
    values.fill(0);
    eachSample(zone, layout, lane, (sample, sum) => (values[sum] = (values[sum] + samples[sample]) % 3));
    laneTrits(values, rows, height).forEach((trit, row) => (trits[row * lanes + lane] = trit));
  }
  return trits;
}

/**
 * Writes trits into the lanes of a zone, by the cheapest steps.
 *
 * @param {Uint8Array} samples of the frame
 * @param {Int16Array} errors of the samples
 * @param {import("./places.js").Zone} zone
 * @param {Layout} layout
 * @param {number} height
 * @param {Uint8Array} trits
 */
export function writeTrits(samples, errors, zone, layout, height, trits) {
  const { lanes, rows, sums } = layout;
  const search = stepSearch(height);
  const values = new Uint8Array(sums);
  const [up, down] = [new Float32Array(sums), new Float32Array(sums)];
  const [raised, lowered] = [new Uint32Array(sums), new Uint32Array(sums)]; // the cheapest sample of each sum
  for (let lane = 0; lane < lanes; lane++) {
    values.fill(0);
    up.fill(Infinity);
    down.fill(Infinity);
    eachSample(zone, layout, lane, (sample, sum) => {
      const [value, error] = [samples[sample], errors[sample]];
      values[sum] = (values[sum] + value) % 3;
      const [rise, fall] = [upCost(value, error), downCost(value, error)];
      if (rise < up[sum]) [up[sum], raised[sum]] = [rise, sample];
      if (fall < down[sum]) [down[sum], lowered[sum]] = [fall, sample];
    });
    const wanted = rows.map((_, row) => trits[row * lanes + lane]); // 0 where there are no more
    search(wanted, values, rows, up, down).forEach((step, sum) => {
      const sample = step > 0 ? raised[sum] : lowered[sum];
      if (step) samples[sample] = stepped(samples[sample], step);
    });
  }
}

function eachSample(zone, { lanes, sums, merged }, lane, visit) {
  for (let sum = 0, element = lane; sum < sums; sum++) {
    for (let part = 0; part < merged; part++, element += lanes) visit(zone.sample(element), sum);
  }
}
