/** A record and a MAC sealed in the samples of a picture (docs/format.md, "Lead" to "MAC"). */

import { KEYS, SAMPLE_ORDER, SEAL } from "../../page/constants.js";
import { channelsOf, firstChannel, isGrey } from "../picture.js";
import { equal, join, Reader, u32 } from "./bytes.js";
import { hmac, openSiv, sealSiv, TAG_BYTES } from "./ciphers.js";
import { placeDecoys, writeEphemeral } from "./decoys.js";
import { writeMac, readMac, triplesOf } from "./mac.js";
import { greenPart, mostBytes, planOf, readLead, readRecord, valuesAt, writeLead, writeRecord } from "./record_zone.js";
import { dataSamples, ephemeralZone, fixedPlaces, LEAD_TRITS, PIXELS, recordSamples, saltOf, zones } from "./sample_order.js";
import { layoutFor, MAX_HEIGHT, readTrits, toTrits } from "./trellis.js";

const { MAC_BYTES } = SAMPLE_ORDER;
const { GREY, ORDERS, FREE } = SEAL; // added to the height of a grey record; orders that are tried; sums of a trit that may change
const FIXED_COST = 0xffff; // of a sample that must not change: many times others' costs, of which these bits are left out
const CHEAPER_BITS = 3;
/** States that are searched in a picture, or in a frame of a film. */
export const { FILM_EFFORT, PICTURE_EFFORT } = SEAL;

/**
 * Capacity in bytes for a record in a picture of this size; negative if not even an empty one fits.
 *
 * @param {number} [channels] 1 of a grey picture that stays grey
 * @param {boolean} [isForRecipient] space is left for an ephemeral key
 */
export const capacity = (width, height, channels = 3, medium = PIXELS, isForRecipient = false) =>
  mostBytes(recordSamples(channels * width * height, medium, isForRecipient)) - TAG_BYTES;

/** Largest share of a frame's samples that may be fixed: enough sums for each trit of lead and MAC have others. */
export function mostFixed(samples, medium) {
  const { sums, merged } = layoutFor(LEAD_TRITS, fixedPlaces(dataSamples(samples), medium).lead);
  return Math.max(1 - FREE / Math.floor(sums / LEAD_TRITS), 0) ** (1 / merged);
}

/**
 * Seals a record in a picture, in place; samples change by one level, or by two at most, at 0 and 255 and where they
 * carry the MAC. A grey picture stays grey if the record fits into one channel.
 *
 * @param {Uint8Array} record no longer than `capacity`
 * @param {(grey: boolean) => import("./costs.js").StepCosts} options.costsOf costs of its samples' steps
 * @param {boolean} [options.grey] a small record changes red, green and blue of a pixel together
 * @param {boolean} [options.first] it is frame 0 of its container
 * @param {import("./sample_order.js").SampleModel} [options.medium]
 */
export async function seal(picture, record, keys, options) {
  const { width, height, data } = picture;
  const isColoured = !isGrey(picture) || record.length > capacity(width, height, 1, options.medium, keys.film.isForRecipient);
  if (isColoured) return sealSamples(picture, record, keys, { ...options, channels: 3 });
  const channel = { width, height, data: firstChannel(data) };
  const costsOf = () => {
    const { up, down } = options.costsOf(false);
    return { up: firstChannel(up), down: firstChannel(down) };
  };
  await sealSamples(channel, record, keys, { ...options, costsOf });
  for (let at = 0; at < data.length; at++) data[at] = channel.data[Math.floor(at / 3)];
}

/**
 * As `seal`, in samples of one channel or more, whatever they are: options also has `channels`, and `fixed`, 1 for each
 * sample that must not change, or null.
 *
 * @throws {RangeError} too many of them are fixed
 */
export async function sealSamples(picture, record, keys, options) {
  const { fixed = null, costsOf } = options;
  const before = picture.data.slice();
  const fixedCosts = fixed && withFixed(costsOf(false), fixed);
  for (let order = 0; order < ORDERS; order++) {
    const isSealed = await sealOnce(picture, record, keys, fixed ? { ...options, costsOf: () => fixedCosts } : options);
    if (isSealed && (!fixed || fixed.every((isFixed, at) => !isFixed || picture.data[at] === before[at]))) return;
    picture.data.set(before);
  }
  throw new RangeError("too little of the picture may change");
}

function withFixed(costs, fixed) {
  for (const side of [costs.up, costs.down]) {
    for (let at = 0; at < side.length; at++) side[at] = fixed[at] ? FIXED_COST : side[at] >> CHEAPER_BITS;
  }
  return costs;
}

/** Seals in one order of the data samples; false: in this one, the MAC can't be written. */
async function sealOnce(picture, record, keys, options) {
  const { costsOf, random, grey = false, first = true, effort = PICTURE_EFFORT, onProgress = () => {} } = options;
  const { channels = 1, medium = PIXELS, fixed = null } = options;
  const samples = picture.data;
  const size = record.length + TAG_BYTES;
  const { isForRecipient } = keys.film; // all frames have space for an ephemeral key: the salt, which comes later, says which are anchors
  const plan = planOf(size, samples.length, effort, grey, channels, medium, isForRecipient);
  const costs = costsOf(plan.grey);
  const decoys = await placeDecoys(picture, costs, plan, random, { fixed, hasEphemeral: isForRecipient && first });
  onProgress(1, 2); // where steps follow each other, decoys take as long as the record

  const key = await keys.frameKey(await saltOf(picture), first);
  const places = await zones(samples.length, await key.positions(), medium, await key.publicPositions?.());
  if (key.trits) writeEphemeral(picture, key.trits, { plan, costs, places, decoys, random, together: grey });
  const lead = await sealSiv(await key.lead(), join([plan.height + (plan.grey ? GREY : 0)], u32(size)));
  const sealed = await sealSiv(await key.record(), record, lead);
  writeRecord(picture, toTrits(sealed), plan, costs, places, decoys);
  writeLead(samples, toTrits(lead), places.lead, costs);
  const mac = toTrits(await macOf(picture, places, await key.mac(), medium.context));
  writeMac(samples, mac, places, costs);
  return equal(readMac(samples, places), mac);
}

/**
 * The record sealed in a picture; null if nothing opens with these keys.
 *
 * @param {boolean} [first] it is the first frame of its file
 * @returns {Promise<{record: Uint8Array, whole: boolean} | null>} whole: true if no sample was altered
 */
export async function unseal(picture, keys, first = true) {
  if (channelsOf(picture) === 3) return unsealSamples(picture, keys, PIXELS, 3, first);
  return unsealSamples({ ...picture, data: firstChannel(picture.data) }, keys, PIXELS, 1, first);
}

/** As `unseal`, from samples of one channel or more. */
export async function unsealSamples(frame, keys, medium, channels = 1, first = true) {
  if (capacity(frame.width, frame.height, channels, medium) < 0) return null;
  const salt = await saltOf(frame);
  const ephemeral = (publicKey) => readEphemeral(frame.data, channels, publicKey, medium);
  for await (const key of keys.candidates(salt, first, ephemeral)) {
    const found = await unsealBy(frame, channels, key, medium);
    if (found) return found;
  }
  return null;
}

/** The trits in the zone of an ephemeral key; null if there is no space for one. @param {Uint8Array} publicKey of positions */
async function readEphemeral(samples, channels, publicKey, medium) {
  const zone = await ephemeralZone(samples.length, publicKey, medium);
  if (!zone) return null;
  const values = valuesAt(samples, greenPart(zone, channels));
  return readTrits(values, layoutFor(KEYS.EPHEMERAL_TRITS, values.length), MAX_HEIGHT);
}

async function unsealBy(picture, channels, key, medium) {
  const samples = picture.data;
  const places = await zones(samples.length, await key.positions(), medium, await key.publicPositions?.());
  const lead = readLead(samples, places.lead);
  const fields = lead && (await openSiv(await key.lead(), lead));
  const sealed = fields && readSealed(samples, places, channels, new Reader(fields));
  const record = sealed && (await openSiv(await key.record(), sealed, lead));
  if (!record) return null;
  const mac = toTrits(await macOf(picture, places, await key.mac(), medium.context));
  return { record, whole: equal(readMac(samples, places), mac) };
}

/** The sealed record that a lead's fields tell of; null if there is none. */
function readSealed(samples, places, channels, fields) {
  const [code, size] = [fields.u8(), fields.u32()];
  const grey = code > GREY;
  const height = code - (grey ? GREY : 0);
  if (height < 1 || height > MAX_HEIGHT || size < TAG_BYTES) return null;
  return readRecord(samples, grey ? greenPart(places.record, channels) : places.record, size, height);
}

/** The MAC of a frame. @param {Uint8Array} [context] what it covers besides the samples */
async function macOf({ width, height, data }, { mac, sides }, key, context = new Uint8Array()) {
  const message = join(u32(height), u32(width), data, context);
  const { numbers } = triplesOf(data, mac, sides);
  mac.forEach((sample, element) => (message[8 + sample] = numbers[element]));
  return (await hmac(key, message)).subarray(0, MAC_BYTES);
}
