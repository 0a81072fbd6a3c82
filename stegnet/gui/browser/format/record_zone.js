/** The record's zone: how a sealed record is written to its samples, and read (docs/format.md, "Record zone"). */

import { SAMPLE_ORDER, RECORD_ZONE } from "../../page/constants.js";
import { idleSamples, LEAD_TRITS, PIXELS, recordSamples, STRIDE } from "./sample_order.js";
import { MAX_COST, stepped } from "./costs.js";
import {
  bytesIn,
  fromTrits,
  layoutFor,
  MAX_HEIGHT,
  MAX_WIDTH,
  mostTrits,
  readTrits,
  stepsFor,
  tritsFor,
} from "./trellis.js";

const { LEAD_BYTES } = SAMPLE_ORDER;
const { GREY_SHARE, TOGETHER } = RECORD_ZONE; // most trits of a grey record for each green sample; a step beside its like costs so many times less

/**
 * A plan for writing a record.
 *
 * @typedef {object} RecordPlan
 * @property {number} trits of the sealed record
 * @property {number} height of the code
 * @property {boolean} grey it is written to green samples, and red and blue move with them
 * @property {number} places samples that carry it, about
 * @property {number} channels of the picture: 3, or 1 of a grey one, whose samples all count as green
 * @property {import("./sample_order.js").SampleModel} medium
 * @property {boolean} clustered steps follow those of their neighbours
 */

/**
 * The plan of the greatest height that the effort allows: the greater, the fewer steps.
 *
 * @param {number} size of the sealed record in bytes
 * @param {number} samples of the frame
 * @param {number} effort states that the search may visit
 * @param {boolean} wantsGrey if the record is small enough for it
 * @param {boolean} [isForRecipient] space is left for an ephemeral key
 */
export function planOf(size, samples, effort, wantsGrey, channels = 3, medium = PIXELS, isForRecipient = false) {
  const [trits, all] = [tritsFor(size), recordSamples(samples, medium, isForRecipient)];
  const greens = Math.floor(all / channels);
  const grey = wantsGrey && trits <= GREY_SHARE * greens;
  // Red and blue of two green samples in 30 are salt samples, so that those are left out.
  const places = grey ? Math.floor((greens * (STRIDE - channels)) / (STRIDE - 1)) : all;
  const clustered = grey && layoutFor(trits, places).merged === 1;
  const searched = Math.min(places, trits * (MAX_WIDTH + 1)) * (clustered ? 2 : 1); // decoys take as much
  let height = MAX_HEIGHT;
  while (height > 1 && searched * 3 ** height > effort) height--;
  return { trits, height, grey, places, clustered, channels, medium };
}

/** The largest sealed record in a zone of so many samples, in bytes. */
export const mostBytes = (samples) => bytesIn(mostTrits(samples));

/** The zone of lead or MAC in another order: samples of a run, side by side, come far apart. */
export function apart(zone, trits) {
  const across = trits / 4;
  const down = zone.length / across;
  return zone.map((_, at) => zone[(at % across) * down + Math.floor(at / across)]);
}

/** Writes trits to the lead's zone. @param {Uint8Array} samples changed in place */
export function writeLead(samples, trits, zone, costs) {
  const numbers = apart(zone, LEAD_TRITS);
  const layout = layoutFor(LEAD_TRITS, zone.length);
  move(samples, numbers, 0, stepsFor(valuesAt(samples, numbers), trits, layout, MAX_HEIGHT, costsAt(costs, numbers)));
}

/** The lead; null if its zone holds no valid bytes. */
export function readLead(samples, zone) {
  const values = valuesAt(samples, apart(zone, LEAD_TRITS));
  const trits = readTrits(values, layoutFor(LEAD_TRITS, zone.length), MAX_HEIGHT);
  return fromTrits(trits, LEAD_BYTES);
}

/**
 * Writes trits to the samples of the record's zone.
 *
 * @param {import("../picture.js").Picture} picture changed in place
 * @param {import("./costs.js").StepCosts} costs of all samples
 * @param {{lead: Uint32Array, mac: Uint32Array, record: Uint32Array, ephemeral: Uint32Array}} places as of `zones`
 * @param {Int8Array} decoys steps of the samples that carry nothing, made before
 */
export function writeRecord({ width, data }, trits, plan, costs, places, decoys) {
  const numbers = plan.grey ? greenPart(places.record, plan.channels) : places.record;
  const beside = plan.channels >> 1; // samples of a pixel before its green one, and behind it
  const values = valuesAt(data, numbers);
  const own = costsAt(costs, numbers);
  const layout = layoutFor(trits.length, numbers.length);
  if (!plan.grey) {
    move(data, numbers, 0, stepsFor(values, trits, layout, plan.height, own));
    return;
  }
  const free = new Uint8Array(data.length).fill(1);
  for (const taken of [idleSamples(data.length), places.lead, places.mac, places.ephemeral]) {
    for (const number of taken) free[number] = 0;
  }
  for (let at = 0; at < numbers.length; at++) {
    if (!free[numbers[at] - beside] || !free[numbers[at] + beside]) own.up[at] = own.down[at] = MAX_COST;
  }
  const following = layout.merged === 1 ? clustered(numbers, own, width, decoys, plan.channels) : null;
  const steps = stepsFor(values, trits, layout, plan.height, own, following);
  for (let offset = -beside; offset <= beside; offset++) move(data, numbers, offset, steps, free);
}

/** The sealed record of `size` bytes in the samples of a zone; null if they hold none. */
export function readRecord(samples, zone, size, height) {
  if (size > mostBytes(zone.length)) return null;
  const trits = readTrits(valuesAt(samples, zone), layoutFor(tritsFor(size), zone.length), height);
  return fromTrits(trits.subarray(0, tritsFor(size)), size);
}

/** The numbers of a zone's green samples; of a grey picture, all are. */
export function greenPart(zone, channels) {
  if (channels === 1) return zone;
  const greens = new Uint32Array(zone.length);
  let count = 0;
  for (let at = 0; at < zone.length; at++) if (zone[at] % 3 === 1) greens[count++] = zone[at];
  return greens.slice(0, count);
}

export function valuesAt(samples, numbers) {
  const values = new Uint8Array(numbers.length);
  for (let at = 0; at < numbers.length; at++) values[at] = samples[numbers[at]];
  return values;
}

export function costsAt(costs, numbers) {
  const [up, down] = [new Uint16Array(numbers.length), new Uint16Array(numbers.length)];
  for (let at = 0; at < numbers.length; at++) {
    up[at] = costs.up[numbers[at]];
    down[at] = costs.down[numbers[at]];
  }
  return { up, down };
}

/** Steps samples at an offset from those with these numbers, if they are free. */
function move(samples, numbers, offset, steps, free = null) {
  for (let at = 0; at < steps.length; at++) {
    const number = numbers[at] + offset;
    if (steps[at] && (!free || free[number])) samples[number] = stepped(samples[number], steps[at]);
  }
}

/**
 * Costs that favour the direction in which neighbouring pixels moved: steps together look like texture (Li, Wang, Li,
 * Tan, Huang: A Strategy of Clustering Modification Directions in Spatial Image Steganography, IEEE TIFS 10(9), 2015).
 *
 * @param {Uint32Array} numbers of the green samples of pixels that may move
 * @returns {(steps: Int8Array, isNext: (sample: number) => boolean) => void} changes the costs of what comes next
 */
function clustered(numbers, { up, down }, width, decoys, channels) {
  const pixels = numbers.map((number) => Math.floor(number / channels) + width);
  // The direction in which all samples of each pixel moved together, with a row more above and below.
  const before = new Int8Array(decoys.length / channels + 2 * width);
  for (let at = 0, pixel = width; at < decoys.length; at += channels, pixel++) {
    const first = decoys[at];
    const isTogether = decoys[at + (channels >> 1)] === first && decoys[at + channels - 1] === first;
    if (isTogether) before[pixel] = Math.sign(first);
  }
  return (steps, isNext) => {
    const moved = before.slice();
    for (let at = 0; at < steps.length; at++) if (steps[at]) moved[pixels[at]] += steps[at];
    for (let at = 0; at < steps.length; at++) {
      if (!isNext(at)) continue;
      const pixel = pixels[at];
      const around = moved[pixel - width] + moved[pixel - 1] + moved[pixel + 1] + moved[pixel + width];
      if (around > 0) up[at] = Math.max(1, Math.floor(up[at] / TOGETHER));
      if (around < 0) down[at] = Math.max(1, Math.floor(down[at] / TOGETHER));
    }
  };
}
