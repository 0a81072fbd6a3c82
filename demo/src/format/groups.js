/**
 * Bits as parities of groups of a zone's elements: element e belongs to group e mod `groups`, and few samples change,
 * the cheapest of a group (docs/format.md, "Lead" and "MAC").
 */

import { bitOf } from "./bytes.js";
import { downCost, levelStep, upCost } from "./costs.js";

/**
 * Bytes whose bits are the parities of groups.
 *
 * @param {import("./places.js").Zone} zone
 * @param {number} groups a multiple of 8
 * @param {(element: number) => number} bit of an element
 */
export function readGroups(zone, groups, bit) {
  const bytes = new Uint8Array(Math.ceil(groups / 8));
  for (let element = 0; element < zone.length; element++) {
    const group = element % groups;
    bytes[group >> 3] ^= bit(element) << (7 - (group & 7));
  }
  return bytes;
}

/**
 * Changes an element of each group whose parity is wrong.
 *
 * @param {import("./places.js").Zone} zone
 * @param {number} groups
 * @param {Uint8Array} bytes to be read back
 * @param {(element: number) => number} bit of an element
 * @param {(element: number) => number} change that turns an element's bit over: a step; 0 if there is none
 * @param {Uint8Array} samples
 * @param {Int16Array} errors of the samples
 */
export function writeGroups(zone, groups, bytes, bit, change, samples, errors) {
  const found = readGroups(zone, groups, bit);
  for (let group = 0; group < groups; group++) {
    if (bitOf(found, group) === bitOf(bytes, group)) continue;
    let [least, cheapest] = [Infinity, group];
    for (let element = group; element < zone.length; element += groups) {
      const cost = costOf(change(element), samples, errors, zone.sample(element));
      if (cost < least) [least, cheapest] = [cost, element];
    }
    samples[zone.sample(cheapest)] += change(cheapest);
  }
}

function costOf(step, samples, errors, sample) {
  if (step === 0) return Infinity;
  return (step > 0 ? upCost : downCost)(samples[sample], errors[sample]);
}

/** Bytes whose bits are the parities of groups of samples. */
export const readParities = (samples, zone, groups) =>
  readGroups(zone, groups, (element) => samples[zone.sample(element)] & 1);

/** Changes a sample of each group whose parity is wrong, by one level. */
export function writeParities(samples, errors, zone, groups, bytes) {
  const bit = (element) => samples[zone.sample(element)] & 1;
  const change = (element) => levelStep(samples[zone.sample(element)], errors[zone.sample(element)]);
  writeGroups(zone, groups, bytes, bit, change, samples, errors);
}
