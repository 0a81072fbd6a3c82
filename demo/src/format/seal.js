/** A record and a MAC sealed in the samples of a picture (docs/format.md, "Lead" to "MAC"). */

import { SAMPLE_ORDER, SEAL } from "../constants.js";
import { channelsOf, firstChannel, isGrey } from "../picture.js";
import { bitOf, equal, join, Reader, u32 } from "./bytes.js";
import {
  dataSamples,
  groupSize,
  LEAD_GROUPS,
  MAC_GROUPS as GROUPS,
  PIXELS,
  readGroups,
  readParities,
  recordSamples,
  saltOf,
  writeGroups,
  writeParities,
  zones,
} from "./sample_order.js";
import { openWith, sealWith } from "./ciphers.js";
import { placeDecoys } from "./decoys.js";
import { hmac, SECRET_BYTES } from "./keys.js";
import {
  greenPart,
  mostSealed,
  planOf,
  readRecord,
  writeRecord,
} from "./record_zone.js";
import { MAX_HEIGHT, toTrits } from "./trellis.js";

const { TAG_BYTES } = SAMPLE_ORDER;
const { NONCE_BYTES, VERSION } = SEAL;
const { GREY } = SEAL; // added to the height of a grey record
const { ORDERS, STUCK } = SEAL; // orders that are tried where samples must not change; groups that may have no others
const FIXED_COST = 0xffff; // of a sample that must not change: many times others' costs, of which these bits are left out
const CHEAPER_BITS = 3;
/** States that are searched in a picture, or in a frame of a film. */
export const { FILM_EFFORT, PICTURE_EFFORT } = SEAL;

/**
 * Capacity in bytes for a record in a picture of this size; negative if not even an empty one fits.
 *
 * @param {number} [channels] 1 of a grey picture that stays grey
 */
export const capacity = (width, height, channels = 3, medium = PIXELS) =>
  mostSealed(channels * width * height, medium) - TAG_BYTES;

/** Largest share of a frame's samples that may be fixed: enough groups of lead and MAC have others. */
export const mostFixed = (samples, medium) =>
  (STUCK / (LEAD_GROUPS + GROUPS)) ** (1 / groupSize(dataSamples(samples), medium));

/**
 * Seals a record in a picture, in place; samples change by one level, those at 0 and 255 by two at most. A grey picture stays grey if the record fits into one channel.
 *
 * @param {Uint8Array} record no longer than `capacity`
 * @param {(grey: boolean) => import("./costs.js").StepCosts} options.costsOf costs of its samples' steps
 * @param {boolean} [options.grey] a small record changes red, green and blue of a pixel together
 * @param {boolean} [options.first] it is frame 0 of its container
 * @param {import("./sample_order.js").SampleModel} [options.medium]
 */
export async function seal(picture, record, keys, options) {
  const { width, height, data } = picture;
  const isColoured = !isGrey(picture) || record.length > capacity(width, height, 1, options.medium);
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
  if (!fixed) {
    await sealOnce(picture, record, keys, options);
    return;
  }
  const before = picture.data.slice();
  const costs = costsOf(false);
  for (const side of [costs.up, costs.down]) {
    for (let at = 0; at < side.length; at++) side[at] = fixed[at] ? FIXED_COST : side[at] >> CHEAPER_BITS;
  }
  for (let order = 0; order < ORDERS; order++) {
    await sealOnce(picture, record, keys, { ...options, costsOf: () => costs });
    if (fixed.every((isFixed, at) => !isFixed || picture.data[at] === before[at])) return;
    picture.data.set(before);
  }
  throw new RangeError("too little of the picture may change");
}

/** Seals in one order of the data samples: fixed samples change where all of a group of lead or MAC are. */
async function sealOnce(picture, record, keys, options) {
  const { costsOf, random, grey = false, first = true, effort = PICTURE_EFFORT, onProgress = () => {} } = options;
  const { channels = 1, medium = PIXELS, fixed = null } = options;
  const samples = picture.data;
  const size = record.length + TAG_BYTES;
  const plan = planOf(size, samples.length, effort, grey, channels, medium);
  const costs = costsOf(plan.grey);
  const decoys = await placeDecoys(picture, costs, plan, random, fixed);
  onProgress(1, 2); // where steps follow each other, decoys take as long as the record

  const key = await keys.frameKey(await saltOf(picture), first);
  const places = await zones(samples.length, await key.positions(), medium);
  const nonce = random(NONCE_BYTES);
  const code = plan.height + (plan.grey ? GREY : 0);
  const fields = join([VERSION, code], u32(size), keys.secret);
  const lead = join(nonce, await sealWith(await key.lead(), nonce, fields));
  const sealed = await sealWith(await key.record(), nonce, record, lead);
  writeRecord(picture, toTrits(sealed), plan, costs, places, decoys);
  writeParities(samples, places.lead, LEAD_GROUPS, lead, costs);
  const mac = new MacPlaces(samples, places.mac, places.sides);
  mac.prepare();
  mac.write(await mac.tag(picture, await key.mac(), medium.context), costs);
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
  for await (const key of keys.candidates(salt, first)) {
    const found = await unsealBy(frame, channels, key, medium);
    if (found && (await keys.accepts(found.filmSecret))) return { record: found.record, whole: found.whole };
  }
  return null;
}

async function unsealBy(picture, channels, key, medium) {
  const samples = picture.data;
  const places = await zones(samples.length, await key.positions(), medium);
  const lead = readParities(samples, places.lead, LEAD_GROUPS);
  const fields = await openLead(lead, await key.lead());
  if (!fields) return null;
  const sealed = readSealed(samples, places, channels, fields);
  const record = sealed && (await openWith(await key.record(), lead.subarray(0, NONCE_BYTES), sealed, lead));
  if (!record) return null;
  const mac = new MacPlaces(samples, places.mac, places.sides);
  const whole = equal(mac.read(), await mac.tag(picture, await key.mac(), medium.context));
  return { record, filmSecret: fields.filmSecret, whole };
}

/** The sealed record that a lead tells of; null if there is none. */
function readSealed(samples, places, channels, { height, grey, size }) {
  return readRecord(samples, grey ? greenPart(places.record, channels) : places.record, size, height);
}

/** A lead's fields; null if it does not open, or this version does not know them. */
async function openLead(lead, key) {
  const opened = await openWith(key, lead.subarray(0, NONCE_BYTES), lead.subarray(NONCE_BYTES));
  if (!opened) return null;
  const fields = new Reader(opened);
  const [version, code, size, filmSecret] = [fields.u8(), fields.u8(), fields.u32(), fields.take(SECRET_BYTES)];
  const grey = code > GREY;
  const height = code - (grey ? GREY : 0);
  if (version !== VERSION || height < 1 || height > MAX_HEIGHT || size < TAG_BYTES) return null;
  return { height, grey, size, filmSecret };
}

export const { MAC_BYTES } = SEAL;

/**
 * A MAC's samples: each one has a side, by which it forms a pair with the sample above or below. The MAC covers the
 * pair's number and its bits say which one of the pair it is.
 */
class MacPlaces {
  #samples;
  #zone;
  #sides;

  /**
   * @param {Uint32Array} zone numbers of its samples
   * @param {Uint8Array} sides a bit for each element
   */
  constructor(samples, zone, sides) {
    this.#samples = samples;
    this.#zone = zone;
    this.#sides = sides;
  }

  /** The tag in the samples. */
  read = () => readGroups(this.#zone.length, GROUPS, this.#bit);

  /** Moves one sample of each group in which none can be changed. */
  prepare() {
    for (let group = 0; group < GROUPS; group++) {
      let changeable = false;
      for (let element = group; element < this.#zone.length; element += GROUPS)
        changeable ||= this.#change(element) !== 0;
      if (changeable) continue;
      const sample = this.#zone[group];
      this.#samples[sample] = this.#samples[sample] === 0 ? 1 : 254;
    }
  }

  /** Writes a tag, at the cheapest samples. @param {import("./costs.js").StepCosts} costs of all samples */
  write(tag, costs) {
    writeGroups(this.#samples, this.#zone, GROUPS, tag, costs, { bit: this.#bit, change: this.#change });
  }

  /** The tag of a frame. @param {Uint8Array} [context] what it covers besides the samples */
  async tag({ width, height, data }, key, context = new Uint8Array()) {
    const message = join(u32(height), u32(width), data, context);
    for (let element = 0; element < this.#zone.length; element++) {
      message[8 + this.#zone[element]] = this.#shifted(element) >> 1;
    }
    return (await hmac(key, message)).subarray(0, MAC_BYTES);
  }

  #shifted = (element) => this.#samples[this.#zone[element]] + bitOf(this.#sides, element);
  #bit = (element) => this.#shifted(element) & 1;

  /** The step to the other sample of a pair; 0 if that is beyond the range. */
  #change = (element) => {
    const value = this.#samples[this.#zone[element]];
    const step = this.#bit(element) ? -1 : 1;
    return value + step < 0 || value + step > 255 ? 0 : step;
  };
}
