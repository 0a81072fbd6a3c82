/**
 * The MAC's zone (docs/format.md, "MAC"): each sample has a side, by which it forms a triple with two others. The MAC
 * covers the triple's number, and its trits are in the sample's place there.
 */

import { MAC_TRITS } from "./sample_order.js";
import { apart, costsAt, valuesAt } from "./record_zone.js";
import { layoutFor, MAX_HEIGHT, readTrits, stepsFor } from "./trellis.js";

const NEVER = 0xffff; // cost of a change out of the range, or of a fixed sample; others' lose CHEAPER_BITS
const CHEAPER_BITS = 2;
const FAR = 25_000; // least cost of a change by two

/** @returns {{numbers: Uint8Array, places: Uint8Array}} of the triple of each sample of a zone, and the sample's there */
export function triplesOf(samples, zone, sides) {
  const shifted = Uint16Array.from(zone, (sample, element) => samples[sample] + sides[element]);
  return { numbers: Uint8Array.from(shifted, (value) => value / 3), places: Uint8Array.from(shifted, (value) => value % 3) };
}

/** The trits in the zone. @param {{mac: Uint32Array, sides: Uint8Array}} places as of `zones` */
export function readMac(samples, { mac, sides }) {
  const places = apart(triplesOf(samples, mac, sides).places, MAC_TRITS);
  return readTrits(places, layoutFor(MAC_TRITS, mac.length), MAX_HEIGHT);
}

/**
 * Writes trits to the zone, by changes that leave each sample in its triple: at its end, a change goes the other way by
 * two. If all changes of a sum would leave the range, its trit may stay another: `readMac` tells.
 */
export function writeMac(samples, trits, { mac: zone, sides }, costs) {
  const places = apart(triplesOf(samples, zone, sides).places, MAC_TRITS);
  const mac = apart(zone, MAC_TRITS);
  const values = valuesAt(samples, mac);
  const own = costsAt(costs, mac);
  const far = { [1]: own.down.map((cost) => Math.max(cost, FAR)), [-1]: own.up.map((cost) => Math.max(cost, FAR)) };
  const moved = { [1]: new Int8Array(mac.length), [-1]: new Int8Array(mac.length) };
  for (const [side, change] of [
    [own.up, 1],
    [own.down, -1],
  ]) {
    for (let at = 0; at < mac.length; at++) {
      const move = ((places[at] + change + 3) % 3) - places[at];
      const after = values[at] + move;
      const isNever = after < 0 || after > 255 || side[at] === NEVER;
      side[at] = isNever ? NEVER : (move === change ? side[at] : far[change][at]) >> CHEAPER_BITS;
      moved[change][at] = isNever ? 0 : move;
    }
  }
  const steps = stepsFor(places, trits, layoutFor(MAC_TRITS, mac.length), MAX_HEIGHT, own);
  for (let at = 0; at < mac.length; at++) if (steps[at]) samples[mac[at]] += moved[steps[at]][at];
}
