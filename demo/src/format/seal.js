/** A record sealed in the samples of a picture (docs/format.md, "Sealed bits"). */

import { equal, join, Reader, u32 } from "./bytes.js";
import { openWith, sealWith } from "./ciphers.js";
import { withoutTies } from "./costs.js";
import { readParities, writeParities } from "./groups.js";
import { stepIdle } from "./idle.js";
import { SECRET_BYTES } from "./keys.js";
import { capacity, heightFor, layoutFor, readTrits, writeTrits } from "./lanes.js";
import { MacPlaces } from "./mac.js";
import { greenPart, LEAD_GROUPS, recordCarriers, saltOf, zones } from "./places.js";
import { MAX_HEIGHT } from "./trellis.js";
import { bytesIn, fromTrits, toTrits, tritsFor } from "./trits.js";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 2;
const GREY = 16; // added to the height if the record is in green samples only

/** Capacity in bytes for a record in a picture of this size; negative if not even an empty one fits. */
export const room = (width, height) => largest(recordCarriers(3 * width * height));

/** The largest record in a zone of this many carriers. */
const largest = (carriers) => bytesIn(capacity(carriers)) - TAG_BYTES;

/**
 * Seals a record in a picture, in place; samples change by one level, those at 0 and 255 by two at most.
 *
 * @param {import("../picture.js").Picture} picture
 * @param {Int8Array} errors of each sample: what it should be minus what it is, in 254ths of a level
 * @param {Uint8Array} record no longer than `room`
 * @param {import("./keys.js").KeySource} keys
 * @param {Uint8Array} filmSecret of the same source
 * @param {(size: number) => Uint8Array} random
 */
export async function seal(picture, errors, record, keys, filmSecret, random) {
  const samples = picture.data;
  const size = record.length + TAG_BYTES;
  const layout = layoutFor(tritsFor(size), recordCarriers(samples.length));
  const height = heightFor(layout);
  const tilted = withoutTies(errors, random(samples.length));
  stepIdle(samples, tilted, tritsFor(size), height, random);

  const key = await keys.frameKey(await saltOf(picture));
  const places = await zones(samples.length, await key.positions());
  const nonce = random(NONCE_BYTES);
  const fields = join([VERSION, height], u32(size), filmSecret);
  const lead = join(nonce, await sealWith(await key.lead(), nonce, fields));
  const sealed = await sealWith(await key.record(), nonce, record, lead);
  writeParities(samples, tilted, places.lead, LEAD_GROUPS, lead);
  writeTrits(samples, tilted, places.record, layout, height, toTrits(sealed));
  const mac = new MacPlaces(samples, places.mac, places.sides);
  mac.prepare();
  mac.write(await mac.tag(picture, await key.mac()), tilted);
}

/**
 * The record sealed in a picture; null if nothing opens with this key.
 *
 * @param {import("../picture.js").Picture} picture
 * @param {import("./keys.js").KeySource} keys
 * @returns {Promise<{record: Uint8Array, filmSecret: Uint8Array, whole: boolean} | null>} whole: true if no sample was
 *   altered
 */
export async function unseal(picture, keys) {
  if (room(picture.width, picture.height) < 0) return null;
  const samples = picture.data;
  const key = await keys.frameKey(await saltOf(picture));
  const places = await zones(samples.length, await key.positions());
  const lead = readParities(samples, places.lead, LEAD_GROUPS);
  const fields = await openLead(lead, await key.lead());
  if (!fields || !keys.accepts(fields.filmSecret)) return null;
  const sealed = readSealed(samples, fields.grey ? greenPart(places.record) : places.record, fields);
  const record = sealed && (await openWith(await key.record(), lead.subarray(0, NONCE_BYTES), sealed, lead));
  if (!record) return null;
  const mac = new MacPlaces(samples, places.mac, places.sides);
  const whole = equal(mac.read(), await mac.tag(picture, await key.mac()));
  return { record, filmSecret: fields.filmSecret, whole };
}

/** A lead's fields; null if it does not open, or this version does not know them. */
async function openLead(lead, key) {
  const opened = await openWith(key, lead.subarray(0, NONCE_BYTES), lead.subarray(NONCE_BYTES));
  if (!opened) return null;
  const fields = new Reader(opened);
  const [version, code, size, filmSecret] = [fields.u8(), fields.u8(), fields.u32(), fields.take(SECRET_BYTES)];
  const grey = code > GREY;
  const height = grey ? code - GREY : code;
  if (version !== VERSION || height < 1 || height > MAX_HEIGHT || size < TAG_BYTES) return null;
  return { height, grey, size, filmSecret };
}

/** A sealed record; null if it can't be one. */
function readSealed(samples, zone, { height, size }) {
  if (size > largest(zone.length) + TAG_BYTES) return null;
  const trits = readTrits(samples, zone, layoutFor(tritsFor(size), zone.length), height);
  return fromTrits(trits.subarray(0, tritsFor(size)), size);
}
