/**
 * The places of a frame's trits: salt samples, data samples, their keyed order, and the zones cut from it
 * (docs/format.md, "Samples" and "Zones").
 */

import { SAMPLE_ORDER, KEYS } from "../../page/constants.js";
import { join, u32 } from "./bytes.js";
import { argsort, stream } from "./ciphers.js";

const { SALT_BYTES } = KEYS;
const { EPHEMERAL, SHARE, MOST_UNITS, PLACES, RUN, SALT } = SAMPLE_ORDER; // RUN: data samples that stay together
export const { STRIDE, LEAD_TRITS, MAC_TRITS } = SAMPLE_ORDER; // of STRIDE samples, number SALT is a salt sample
export const FIXED_TRITS = LEAD_TRITS + MAC_TRITS;
/**
 * A kind of samples.
 *
 * @typedef {{share: number, context?: Uint8Array}} SampleModel share: data samples for each unit of the zones of lead and
 *   MAC; context: what the MAC covers besides the samples
 */
export const PIXELS = { share: SHARE };
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

/** Places of the zones of a fixed size in a frame with this many data samples; ephemeral: of an ephemeral key's. */
export function fixedPlaces(count, { share } = PIXELS) {
  const units = Math.min(Math.max(Math.floor(count / share), 1), MOST_UNITS);
  return { lead: PLACES * LEAD_TRITS * units, mac: PLACES * MAC_TRITS * units, ephemeral: EPHEMERAL * units };
}

/**
 * Data samples for the record in a frame of this many samples; negative if not even the lead and the MAC fit.
 *
 * @param {boolean} [isForRecipient] an ephemeral key has a zone, too
 */
export function recordSamples(samples, medium = PIXELS, isForRecipient = false) {
  const count = dataSamples(samples);
  const { lead, mac, ephemeral } = fixedPlaces(count, medium);
  return RUN * Math.floor(count / RUN) - lead - mac - (isForRecipient ? ephemeral : 0);
}

/**
 * The zones of a frame: numbers of their samples, in order.
 *
 * @param {number} samples of the frame
 * @param {Uint8Array} key of the positions
 * @param {SampleModel} [medium]
 * @param {Uint8Array | null} [publicKey] of the positions by a recipient: the zone of an ephemeral key comes last
 * @returns {Promise<{lead: Uint32Array, mac: Uint32Array, record: Uint32Array, ephemeral: Uint32Array, sides:
 *   Uint8Array}>} ephemeral: empty without a recipient; sides: 0 to 2 for each element of the MAC's zone
 */
export async function zones(samples, key, medium = PIXELS, publicKey = null) {
  const runs = Math.floor(dataSamples(samples) / RUN);
  const { lead, mac } = fixedPlaces(dataSamples(samples), medium);
  const bytes = await stream(key, 8 * runs + mac);
  const ephemeral = publicKey ? await ephemeralRuns(samples, publicKey, medium) : new Uint32Array();
  const taken = new Set(ephemeral);
  const order = argsort(bytes, runs);
  const places = placesOf(publicKey ? order.filter((run) => !taken.has(run)) : order);
  return {
    lead: places.subarray(0, lead),
    mac: places.subarray(lead, lead + mac),
    record: places.subarray(lead + mac),
    ephemeral: placesOf(ephemeral),
    sides: new Uint8Array(bytes, 8 * runs).map((byte) => byte % 3),
  };
}

/** Numbers of the samples of an ephemeral key's zone; null if there is no space for one. Arguments as `zones`. */
export async function ephemeralZone(samples, publicKey, medium = PIXELS) {
  if (recordSamples(samples, medium, true) <= 0) return null;
  return placesOf(await ephemeralRuns(samples, publicKey, medium));
}

async function ephemeralRuns(samples, publicKey, medium) {
  const runs = Math.floor(dataSamples(samples) / RUN);
  const { mac, ephemeral } = fixedPlaces(dataSamples(samples), medium);
  return argsort(await stream(publicKey, 8 * runs + mac), runs).subarray(0, ephemeral / RUN);
}

/** Numbers of the samples of runs, one run after the other. */
function placesOf(order) {
  const places = new Uint32Array(RUN * order.length);
  for (let run = 0, at = 0; run < order.length; run++) {
    for (let place = RUN * order[run]; place < RUN * (order[run] + 1); place++) places[at++] = numberOf(place);
  }
  return places;
}
