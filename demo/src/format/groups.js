/**
 * Bits as parities of groups of a zone's elements: element e belongs to group e mod `groups`, and few samples change,
 * the cheapest of a group (docs/format.md, "Lead" and "MAC").
 */

import { bitOf } from "./bytes.js";

/**
 * Bytes whose bits are the parities of groups.
 *
 * @param {number} length of the zone
 * @param {number} groups
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
 * @param {Uint8Array} samples
 * @param {Uint32Array} zone numbers of its samples
 * @param {number} groups
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
  const change = (element) => levelStep(samples[zone[element]], zone[element], costs);
  writeGroups(samples, zone, groups, bytes, costs, { bit, change });
}

/** The cheaper step by one level, never by two. */
function levelStep(value, sample, { up, down }) {
  if (value === 0 || value === 255) return value === 0 ? 1 : -1;
  return up[sample] < down[sample] ? 1 : -1;
}
