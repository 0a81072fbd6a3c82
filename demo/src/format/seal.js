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
const MIN_CELL = 2; // at most half of the samples carry bits
const MIN_SAMPLES = MIN_CELL * 8 * (FIXED_BYTES + TAG_BYTES);

/** Capacity in bytes for a record in a picture of this size; negative if not even an empty one fits. */
export function room(width, height) {
  const samples = width * height * 3;
  if (samples < MIN_SAMPLES) return -1;
  return Math.floor((samples - 8 * FIXED_BYTES) / (8 * MIN_CELL)) - TAG_BYTES;
}

/**
 * Seals a record in a picture, in place; no sample changes by more than one level.
 *
 * @param {import("../picture.js").Picture} picture
 * @param {Uint8Array} record no longer than `room`
 * @param {import("./keys.js").Key} key
 * @param {Uint8Array} nonce 12 random bytes, fresh for each picture
 * @param {Uint8Array} salt 16 bytes
 * @param {Int8Array} roundingDirection direction of each sample's step: 1 up, -1 down, 0 by the key. The best step for a
 *   sample that was rounded is to its second-nearest level.
 */
export async function seal(picture, record, key, nonce, salt, roundingDirection) {
  const samples = picture.data;
  step(samples, roundingDirection, saltPositions(samples.length), salt);
  const size = record.length + TAG_BYTES;
  const lead = join(nonce, await sealWith(await key.lead(), nonce, join([VERSION], u32(size))));
  const sealed = await sealWith(await key.record(), nonce, record, lead);
  const [leadPositions, macPositions] = await fixedPositions(samples.length, key);
  step(samples, roundingDirection, leadPositions, lead);
  step(samples, roundingDirection, await recordPositions(samples.length, key, nonce, size), sealed);
  const mac = await macOf(picture, macPositions.indices, key);
  macPositions.indices.forEach((sample, index) => {
    samples[sample] = (samples[sample] & 0xfe) | bitOf(mac, index);
  });
}

/**
 * The record sealed in a picture; null if nothing opens with this key.
 *
 * @returns {Promise<{record: Uint8Array, whole: boolean} | null>} whole: true if no
 *   sample was altered
 */
export async function unseal(picture, key) {
  const most = room(picture.width, picture.height);
  if (most < 0) return null;
  const samples = picture.data;
  const [leadPositions, macPositions] = await fixedPositions(samples.length, key);
  const lead = read(samples, leadPositions.indices);
  const nonce = lead.subarray(0, NONCE_BYTES);
  const opened = await openWith(await key.lead(), nonce, lead.subarray(NONCE_BYTES));
  if (!opened) return null;
  const fields = new Reader(opened);
  const [version, size] = [fields.u8(), fields.u32()];
  if (version !== VERSION || size < TAG_BYTES || size > most + TAG_BYTES) return null;
  const { indices } = await recordPositions(samples.length, key, nonce, size);
  const record = await openWith(await key.record(), nonce, read(samples, indices), lead);
  if (!record) return null;
  const mac = await macOf(picture, macPositions.indices, key);
  return { record, whole: equal(mac, read(samples, macPositions.indices)) };
}

/** The 16 bytes at the public positions of a picture. */
export function readSalt(picture) {
  if (picture.data.length < 8 * SALT_BYTES) return new Uint8Array(SALT_BYTES);
  return read(picture.data, saltPositions(picture.data.length).indices);
}

async function fixedPositions(samples, key) {
  const taken = saltPositions(samples).indices;
  const both = await keyedPositions(samples, await key.positions(), 8 * (LEAD_BYTES + MAC_BYTES), taken);
  const part = (...span) => ({ indices: both.indices.subarray(...span), signs: both.signs.subarray(...span) });
  return [part(0, 8 * LEAD_BYTES), part(8 * LEAD_BYTES)];
}

async function recordPositions(samples, key, nonce, size) {
  const fixed = await fixedPositions(samples, key);
  const taken = merged(saltPositions(samples).indices, ...fixed.map(({ indices }) => indices));
  return keyedPositions(samples, await key.positions(nonce), 8 * size, taken);
}

function step(samples, roundingDirection, { indices, signs }, bytes) {
  indices.forEach((sample, index) => {
    const value = samples[sample];
    if ((value & 1) === bitOf(bytes, index)) return;
    const direction = roundingDirection[sample] || signs[index];
    samples[sample] = value === 0 ? 1 : value === 255 ? 254 : value + direction;
  });
}

function read(samples, indices) {
  const bytes = new Uint8Array(indices.length / 8);
  indices.forEach((sample, index) => {
    bytes[index >> 3] |= (samples[sample] & 1) << (7 - (index & 7));
  });
  return bytes;
}

/** MAC of the size and all samples, with the lowest bits at the MAC's own positions cleared. */
async function macOf({ width, height, data }, indices, key) {
  const message = join(u32(height), u32(width), data);
  for (const sample of indices) message[8 + sample] &= 0xfe;
  return (await hmac(await key.mac(), message)).subarray(0, MAC_BYTES);
}
