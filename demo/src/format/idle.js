/**
 * Samples that carry nothing: those of the salt, and those behind the last run. They get random bits, as densely as the
 * others get theirs, so that they don't stand out and no salt repeats.
 */

import { writeParities } from "./groups.js";
import { capacity, layoutFor, writeTrits } from "./lanes.js";
import { carriers, groupSize, idleSamples, LEAD_GROUPS, MAC_GROUPS, recordCarriers, saltSamples } from "./places.js";
import { argsort } from "./sort.js";

const GROUPS = LEAD_GROUPS + MAC_GROUPS;
const LEAST_CHANGED = 4;

/**
 * Steps them, in place.
 *
 * @param {Uint8Array} samples of a frame
 * @param {Int16Array} errors of the samples
 * @param {number} trits of the record
 * @param {number} height
 * @param {(size: number) => Uint8Array} random
 */
export function stepIdle(samples, errors, trits, height, random) {
  const salt = saltSamples(samples.length);
  const before = salt.map((sample) => samples[sample]);
  const changed = () => salt.reduce((count, sample, at) => count + (samples[sample] !== before[at]), 0);
  do writeRandomBits(samples, errors, trits, height, random);
  while (changed() < Math.min(LEAST_CHANGED, salt.length));
}

/** Writes parities and trits in their shares of a whole frame, in random order. */
function writeRandomBits(samples, errors, trits, height, random) {
  const idle = idleSamples(samples.length);
  const order = argsort(random(8 * idle.length).buffer, idle.length);
  const share = idle.length / carriers(samples.length);
  const groups = Math.max(1, rounded(GROUPS * share, random));
  const head = groups * groupSize(carriers(samples.length));
  const zone = (first, length) => ({ length, sample: (element) => idle[order[first + element]] });
  writeParities(samples, errors, zone(0, head), groups, random(groups));

  const rest = idle.length - head;
  const count = Math.min(rounded((trits * rest) / recordCarriers(samples.length), random), capacity(rest));
  const drawn = random(count).map((byte) => byte % 3);
  writeTrits(samples, errors, zone(head, rest), layoutFor(count, rest), height, drawn);
}

/** Rounded up or down at random, so that the mean stays. */
const rounded = (value, random) => Math.floor(value + random(1)[0] / 256);
