/** A record in the lowest bits of a picture, at keyed positions (docs/format.md, "Sealed bits"). */

import { bitOf, equal, join, Reader, u32 } from "./bytes.js";
import { openWith, sealWith } from "./ciphers.js";
import { hmac } from "./keys.js";
import { keyedPositions, merged, saltPositions } from "./positions.js";

export const SALT_BYTES = 16;
export const NONCE_BYTES = 12;
const VERSION = 1;
const TAG_BYTES = 16;
const MAC_BYTES = 16;
const LEAD_BYTES = NONCE_BYTES + 5 + TAG_BYTES;
const FIXED_BYTES = SALT_BYTES + LEAD_BYTES + MAC_BYTES;
const LEAST_CELL = 2; // at most half of the samples carry bits
const LEAST_SAMPLES = LEAST_CELL * 8 * (FIXED_BYTES + TAG_BYTES);

/** Bytes that a record may have in a picture of this size; negative where not even an empty one fits. */
export function room(width, height) {
  const samples = width * height * 3;
  if (samples < LEAST_SAMPLES) return -1;
  return Math.floor((samples - 8 * FIXED_BYTES) / (8 * LEAST_CELL)) - TAG_BYTES;
}

/**
 * Puts a record into a picture, in place: each sample changes by one level at most.
 *
 * @param {import("../picture.js").Picture} picture
 * @param {Uint8Array} record no longer than `room` says
 * @param {import("./keys.js").Key} key
 * @param {Uint8Array} nonce 12 random bytes, fresh for each picture
 * @param {Uint8Array} salt 16 bytes
 * @param {Int8Array} lean which way each sample steps if it must: 1 up, -1 down, 0 as the key says. A sample that was
 *   rounded is best stepped to its second-nearest level.
 */
export async function seal(picture, record, key, nonce, salt, lean) {
  const samples = picture.data;
  step(samples, lean, saltPositions(samples.length), salt);
  const size = record.length + TAG_BYTES;
  const lead = join(nonce, await sealWith(await key.lead(), nonce, join([VERSION], u32(size))));
  const sealed = await sealWith(await key.record(), nonce, record, lead);
  const [leadPositions, macPositions] = await fixedPositions(samples.length, key);
  step(samples, lean, leadPositions, lead);
  step(samples, lean, await recordPositions(samples.length, key, nonce, size), sealed);
  const mac = await macOf(picture, macPositions.places, key);
  macPositions.places.forEach((place, index) => {
    samples[place] = (samples[place] & 0xfe) | bitOf(mac, index);
  });
}

/**
 * What `seal` put into a picture; null where nothing opens with this key.
 *
 * @returns {Promise<{record: Uint8Array, whole: boolean} | null>} whole: is every sample as it was sealed?
 */
export async function unseal(picture, key) {
  const most = room(picture.width, picture.height);
  if (most < 0) return null;
  const samples = picture.data;
  const [leadPositions, macPositions] = await fixedPositions(samples.length, key);
  const lead = read(samples, leadPositions.places);
  const nonce = lead.subarray(0, NONCE_BYTES);
  const opened = await openWith(await key.lead(), nonce, lead.subarray(NONCE_BYTES));
  if (!opened) return null;
  const fields = new Reader(opened);
  const [version, size] = [fields.u8(), fields.u32()];
  if (version !== VERSION || size < TAG_BYTES || size > most + TAG_BYTES) return null;
  const { places } = await recordPositions(samples.length, key, nonce, size);
  const record = await openWith(await key.record(), nonce, read(samples, places), lead);
  if (!record) return null;
  const mac = await macOf(picture, macPositions.places, key);
  return { record, whole: equal(mac, read(samples, macPositions.places)) };
}

/** The 16 bytes at the public positions of a picture. */
export function readSalt(picture) {
  if (picture.data.length < 8 * SALT_BYTES) return new Uint8Array(SALT_BYTES);
  return read(picture.data, saltPositions(picture.data.length).places);
}

async function fixedPositions(samples, key) {
  const taken = saltPositions(samples).places;
  const both = await keyedPositions(samples, await key.positions(), 8 * (LEAD_BYTES + MAC_BYTES), taken);
  const part = (...span) => ({ places: both.places.subarray(...span), signs: both.signs.subarray(...span) });
  return [part(0, 8 * LEAD_BYTES), part(8 * LEAD_BYTES)];
}

async function recordPositions(samples, key, nonce, size) {
  const fixed = await fixedPositions(samples, key);
  const taken = merged(saltPositions(samples).places, ...fixed.map(({ places }) => places));
  return keyedPositions(samples, await key.positions(nonce), 8 * size, taken);
}

function step(samples, lean, { places, signs }, bytes) {
  places.forEach((place, index) => {
    const value = samples[place];
    if ((value & 1) === bitOf(bytes, index)) return;
    const wish = lean[place] || signs[index];
    samples[place] = value === 0 ? 1 : value === 255 ? 254 : value + wish;
  });
}

function read(samples, places) {
  const bytes = new Uint8Array(places.length / 8);
  places.forEach((place, index) => {
    bytes[index >> 3] |= (samples[place] & 1) << (7 - (index & 7));
  });
  return bytes;
}

/** Covers the size and all samples, with the lowest bits at the MAC's own places cleared. */
async function macOf({ width, height, data }, places, key) {
  const message = join(u32(height), u32(width), data);
  for (const place of places) message[8 + place] &= 0xfe;
  return (await hmac(await key.mac(), message)).subarray(0, MAC_BYTES);
}
