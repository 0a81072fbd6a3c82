/**
 * The places of a frame's bits: salt samples, data samples, their keyed order, the zones cut from it, and bits as
 * parities of groups of data samples (docs/format.md, "Samples", "Zones", "Lead" and "MAC").
 */

import { SAMPLE_ORDER, KEYS } from "../constants.js";
import { bitOf, join, u32 } from "./bytes.js";
import { argsort, stream } from "./ciphers.js";

const { SALT_BYTES } = KEYS;
const { GROUP, MOST_GROUP, RUN, SALT } = SAMPLE_ORDER; // RUN: data samples that stay together
export const { STRIDE, LEAD_BITS: LEAD_GROUPS, MAC_BITS: MAC_GROUPS } = SAMPLE_ORDER; // of STRIDE samples, number SALT is a salt sample
export const GROUPS = LEAD_GROUPS + MAC_GROUPS;
/**
 * A kind of samples.
 *
 * @typedef {{share: number, context?: Uint8Array}} SampleModel share: data samples for each sample of a group of lead
 *   and MAC; context: what the MAC covers besides the samples
 */
export const PIXELS = { share: GROUP };
const PURPOSE = new TextEncoder().encode("stegnet/1/salt");

/** Indices of the samples whose hash is the salt. @param {number} samples of the frame */
function saltSamples(samples) {
  return new Uint32Array(Math.floor(samples / STRIDE)).map((_, at) => STRIDE * at + SALT);
}

/** Number of data samples. @param {number} samples of the frame */
export const dataSamples = (samples) => (STRIDE - 1) * Math.floor(samples / STRIDE);

/** Number of a data sample among all samples. */
const numberOf = (place) => place + Math.floor((place + SALT) / (STRIDE - 1));

/** Numbers of the samples that carry nothing: those of the salt, then those behind the last run. */
export function idleSamples(samples) {
  const salt = saltSamples(samples);
  const last = dataSamples(samples);
  const rest = Uint32Array.from({ length: last % RUN }, (_, at) => numberOf(last - (last % RUN) + at));
  const idle = new Uint32Array(salt.length + rest.length + (samples % STRIDE));
  idle.set(salt);
  idle.set(rest, salt.length);
  for (let at = 1; at <= samples % STRIDE; at++) idle[idle.length - at] = samples - at;
  return idle;
}

/** The salt of a frame: 16 bytes. */
export async function saltOf({ width, height, data }) {
  const values = Uint8Array.from(saltSamples(data.length), (sample) => data[sample]);
  const hash = await crypto.subtle.digest("SHA-256", join(PURPOSE, u32(height), u32(width), values));
  return new Uint8Array(hash, 0, SALT_BYTES);
}

/** Size of the lead's and the MAC's groups in a frame with this many data samples. */
export const groupSize = (count, { share } = PIXELS) => Math.min(Math.max(Math.floor(count / share), 1), MOST_GROUP);

/** Data samples for the record in a frame of this many samples; negative if not even the lead and the MAC fit. */
export function recordSamples(samples, medium = PIXELS) {
  const count = dataSamples(samples);
  return RUN * Math.floor(count / RUN) - GROUPS * groupSize(count, medium);
}

/**
 * The zones of a frame: numbers of their samples, in order.
 *
 * @param {number} samples of the frame
 * @param {Uint8Array} key of the positions
 * @returns {Promise<{lead: Uint32Array, mac: Uint32Array, record: Uint32Array, sides: Uint8Array}>} sides: a bit for
 *   each sample of the MAC's zone
 */
export async function zones(samples, key, medium = PIXELS) {
  const count = dataSamples(samples);
  const runs = Math.floor(count / RUN);
  const group = groupSize(count, medium);
  const [lead, mac] = [LEAD_GROUPS * group, MAC_GROUPS * group];
  const bytes = await stream(key, 8 * runs + mac / 8);
  const places = placesOf(argsort(bytes, runs));
  return {
    lead: places.subarray(0, lead),
    mac: places.subarray(lead, lead + mac),
    record: places.subarray(lead + mac),
    sides: new Uint8Array(bytes, 8 * runs),
  };
}

/** Numbers of the samples of runs, one run after the other. */
function placesOf(order) {
  const places = new Uint32Array(RUN * order.length);
  for (let run = 0, at = 0; run < order.length; run++) {
    for (let place = RUN * order[run]; place < RUN * (order[run] + 1); place++) places[at++] = numberOf(place);
  }
  return places;
}

/**
 * Bytes whose bits are the parities of groups.
 *
 * @param {number} length of the zone
 * @param {(element: number) => number} bit of an element
 */
export function readGroups(length, groups, bit) {
  const bytes = new Uint8Array(Math.ceil(groups / 8));
  for (let element = 0; element < length; element++) {
    const group = element % groups;
    bytes[group >> 3] ^= bit(element) << (7 - (group & 7));
  }
  return bytes;
}

/**
 * Changes an element of each group whose parity is wrong.
 *
 * @param {Uint32Array} zone numbers of its samples
 * @param {Uint8Array} bytes to be read back
 * @param {import("./costs.js").StepCosts} costs of all samples
 * @param {{bit: (element: number) => number, change: (element: number) => number}} elements bit of an element, and the
 *   change that turns it over: a step; 0 if there is none
 */
export function writeGroups(samples, zone, groups, bytes, costs, { bit, change }) {
  const found = readGroups(zone.length, groups, bit);
  for (let group = 0; group < groups; group++) {
    if (bitOf(found, group) === bitOf(bytes, group)) continue;
    let [least, cheapest] = [Infinity, group];
    for (let element = group; element < zone.length; element += groups) {
      const step = change(element);
      const cost = step ? (step > 0 ? costs.up : costs.down)[zone[element]] : Infinity;
      if (cost < least) [least, cheapest] = [cost, element];
    }
    samples[zone[cheapest]] += change(cheapest);
  }
}

/** Bytes whose bits are the parities of groups of samples. */
export const readParities = (samples, zone, groups) =>
  readGroups(zone.length, groups, (element) => samples[zone[element]] & 1);

/** Changes a sample of each group whose parity is wrong, by one level. */
export function writeParities(samples, zone, groups, bytes, costs) {
  const bit = (element) => samples[zone[element]] & 1;
  const change = (element) => {
    const value = samples[zone[element]];
    if (value === 0 || value === 255) return value === 0 ? 1 : -1; // never by two
    return costs.up[zone[element]] < costs.down[zone[element]] ? 1 : -1;
  };
  writeGroups(samples, zone, groups, bytes, costs, { bit, change });
}
