/**
 * Decoy changes of the samples that carry nothing, whose places are public: as often as elsewhere, and of the same kind.
 * They come before all else, since the salt, and with it every other place, follows from them.
 */

import { DECOYS, KEYS } from "../../page/constants.js";
import { dataSamples, FIXED_TRITS, fixedPlaces, idleSamples, LEAD_TRITS, MAC_TRITS, STRIDE, zones } from "./sample_order.js";
import { argsort } from "./ciphers.js";
import { stepped } from "./costs.js";
import { writeMac } from "./mac.js";
import { costsAt, valuesAt, writeLead, writeRecord } from "./record_zone.js";
import { layoutFor, MAX_HEIGHT, mostTrits, rowsOf, stepsFor } from "./trellis.js";

const { CLUSTERED, LEAST_CHANGED, ROWS } = DECOYS;
const [FIRST_SHIFT, LAST_SHIFT] = DECOYS.SHIFTS; // pixels by which a rehearsal rolls the picture
const { EPHEMERAL_TRITS, KEY_BYTES } = KEYS;

/**
 * Steps the samples that carry nothing, in place, as often as samples of the same cost that carry something. The steps
 * are drawn again until some salt samples have changed, so that no salt repeats.
 *
 * @param {import("./costs.js").StepCosts} costs of its samples
 * @param {import("./record_zone.js").RecordPlan} plan of the record
 * @param {Uint8Array | null} [options.fixed] 1 for each sample that stays
 * @param {boolean} [options.hasEphemeral] an ephemeral key will be written, too
 * @returns {Promise<Int8Array>} the steps; in a grey record, red, green and blue of a salt sample's pixel move together
 */
export async function placeDecoys(picture, costs, plan, random, { fixed = null, hasEphemeral = false } = {}) {
  const draw = plan.clustered ? rehearsed : drawn;
  const salts = idleSamples(picture.data.length).subarray(0, Math.floor(picture.data.length / STRIDE));
  const free = salts.reduce((count, sample) => count + (fixed?.[sample] ? 0 : 1), 0);
  for (;;) {
    const steps = await draw(picture, costs, plan, random, hasEphemeral);
    if (fixed) for (let at = 0; at < steps.length; at++) if (fixed[at]) steps[at] = 0;
    const changed = salts.reduce((count, sample) => count + (steps[sample] !== 0), 0);
    if (changed < Math.min(LEAST_CHANGED, free)) continue;
    add(picture.data, steps);
    return steps;
  }
}

/** Adds steps to samples; the results are from 0 to 255. */
function add(samples, steps) {
  for (let at = 0; at < samples.length; at++) samples[at] += steps[at];
}

/**
 * Steps that hiding makes at samples that carry nothing, were the picture rolled so that they carry something: so they
 * follow the steps around them as all others do.
 */
async function rehearsed(picture, costs, plan, random, hasEphemeral) {
  const size = picture.data.length;
  const shift = plan.channels * drawShift(size, plan.channels, random);
  const data = rolled(picture.data, shift);
  const [before, own] = [data.slice(), { up: rolled(costs.up, shift), down: rolled(costs.down, shift) }];
  const decoys = drawn({ ...picture, data }, own, { ...plan, trits: Math.round(plan.trits * CLUSTERED) }, random);
  add(data, decoys);
  const places = await zones(size, random(KEY_BYTES), plan.medium, hasEphemeral ? random(KEY_BYTES) : null);
  if (hasEphemeral) {
    const how = { plan, costs: own, places, decoys, random, together: true };
    writeEphemeral({ ...picture, data }, drawTrits(EPHEMERAL_TRITS, random), how);
  }
  writeRecord({ ...picture, data }, drawTrits(plan.trits, random), plan, own, places, decoys);
  const ofRecord = difference(data, before);
  writeLead(data, drawTrits(LEAD_TRITS, random), places.lead, own);
  writeMac(data, drawTrits(MAC_TRITS, random), places, own);
  return whereIdle(difference(data, before), ofRecord, shift, plan.channels);
}

/**
 * Writes an ephemeral key's trits to its zone, with few and cheap steps, among random ones: whoever knows the recipient can
 * find the zone, so as many samples must change in it as elsewhere.
 *
 * @param {import("../picture.js").Picture} picture changed in place
 * @param {{plan: object, costs: object, places: object, decoys: Int8Array, random: Function, together: boolean}} how
 *   plan: the record's; together: red, green and blue of a pixel change together
 */
export function writeEphemeral(picture, trits, { plan, costs, places, decoys, random, together }) {
  const zone = { ...places, record: places.ephemeral, ephemeral: places.record };
  const size = places.ephemeral.length;
  const others = places.lead.length + places.mac.length + places.record.length;
  const share = Math.floor(((plan.trits + FIXED_TRITS) * size + drawBelow(others, 1, random)[0]) / others); // as `drawn`
  const count = Math.min(share - EPHEMERAL_TRITS, mostTrits(size));
  if (count > 0) writeRecord(picture, drawTrits(count, random), plan, costs, zone, decoys);
  writeRecord(picture, trits, { ...plan, height: MAX_HEIGHT, grey: together }, costs, zone, decoys);
}

/** An array whose last `shift` values come first. */
function rolled(values, shift) {
  const result = values.slice();
  result.copyWithin(shift, 0);
  result.set(values.subarray(values.length - shift));
  return result;
}

function difference(after, before) {
  const steps = new Int8Array(after.length);
  for (let at = 0; at < steps.length; at++) steps[at] = after[at] - before[at];
  return steps;
}

/** Pixels by which no salt sample gets to the pixel of another. */
function drawShift(samples, channels, random) {
  const isApart = (distance) => distance >= channels && distance <= STRIDE - channels;
  const modulo = (value) => ((value % STRIDE) + STRIDE) % STRIDE;
  const ways = Array.from({ length: LAST_SHIFT - FIRST_SHIFT + 1 }, (_, at) => FIRST_SHIFT + at);
  const fitting = ways.filter(
    (shift) => isApart(modulo(channels * shift)) && isApart(modulo(channels * shift - samples)),
  );
  return fitting[drawBelow(fitting.length, 1, random)[0]];
}

/** Steps that write random trits to the samples that carry nothing, in their share of a frame. */
function drawn({ data }, costs, plan, random) {
  const all = idleSamples(data.length);
  const order = argsort(random(8 * all.length).buffer, all.length);
  const idle = order.map((at) => all[at]);
  const count = dataSamples(data.length);
  const { lead, mac } = fixedPlaces(count, plan.medium);
  // Their share of the zones of lead and MAC, rounded up or down so that it is right on average.
  const single = Math.floor(((lead + mac) * idle.length + drawBelow(count, 1, random)[0]) / count);
  const [head, tail] = [idle.subarray(0, single), idle.subarray(single)];
  const ofRecord = new Int8Array(data.length);
  randomSteps(data, costs, plan, tail, random).forEach((step, at) => {
    if (!step) return;
    const [first, count] = plan.grey ? [tail[at] - (tail[at] % plan.channels), plan.channels] : [tail[at], 1];
    for (let number = first; number < first + count; number++) {
      ofRecord[number] = stepped(data[number], step) - data[number];
    }
  });
  const steps = ofRecord.slice();
  const leadAndMac = { trits: FIXED_TRITS, height: MAX_HEIGHT, places: lead + mac };
  randomSteps(data, costs, leadAndMac, head, random).forEach((step, at) => {
    steps[head[at]] = step && stepped(data[head[at]], step) - data[head[at]];
  });
  return whereIdle(steps, ofRecord, 0, plan.channels);
}

/**
 * Steps of some samples that write random trits to them, in lanes like those of the record. The last lane is filled up
 * with samples from anywhere, which do not change; a single one may be shorter.
 */
function randomSteps(samples, costs, plan, numbers, random) {
  const like = layoutLike(plan, numbers.length);
  const size = Math.floor((like.lanes * like.rows.length) / tritsPerPlace(plan));
  const { pool, order } = mixed(numbers, Math.max(size - numbers.length, 0), samples.length, random);
  const trits = drawTrits(like.rows.length * like.lanes, random);
  const found = stepsFor(valuesAt(samples, pool), trits, like, plan.height, costsAt(costs, pool));
  const steps = new Int8Array(numbers.length);
  order.forEach((at, place) => at < numbers.length && (steps[at] = found[place]));
  return steps;
}

/**
 * Samples in random order, with so many others of the frame among them.
 *
 * @returns {{pool: Uint32Array, order: Uint32Array}} order: places of the pool's among the samples; those of others are
 *   above
 */
function mixed(numbers, count, samples, random) {
  const others = drawBelow(samples, count, random);
  const all = numbers.length + others.length;
  const order = argsort(random(8 * all).buffer, all);
  return { order, pool: order.map((at) => (at < numbers.length ? numbers[at] : others[at - numbers.length])) };
}

/** A layout of at least so many samples, with as many trits for each of them as the record's. */
function layoutLike(plan, count) {
  const { lanes: all, rows: own, sums, merged } = layoutFor(plan.trits, plan.places);
  const lanes = Math.ceil((count * all) / plan.places);
  const fewest = Math.max(Math.min(ROWS, own.length), Math.ceil(count * tritsPerPlace(plan)));
  const rows = lanes > 1 ? own.length : fewest;
  const [width, wide] = [Math.floor(sums / own.length), sums % own.length];
  return { lanes, merged, ...rowsOf(width * rows + Math.floor((wide * rows) / own.length), rows) };
}

function tritsPerPlace(plan) {
  const { lanes, rows } = layoutFor(plan.trits, plan.places);
  return (lanes * rows.length) / plan.places;
}

/** The steps at samples that carry nothing, and the record's in the rest of a salt sample's pixel. */
function whereIdle(steps, ofRecord, shift, channels) {
  const size = steps.length;
  const found = new Int8Array(size);
  const idle = idleSamples(size);
  for (const number of idle.subarray(0, Math.floor(size / STRIDE))) {
    const first = number - (number % channels);
    for (let other = first; other < first + channels; other++) found[other] = ofRecord[(other + shift) % size];
  }
  for (const number of idle) found[number] = steps[(number + shift) % size];
  return found;
}

/** Random trits. */
function drawTrits(count, random) {
  const words = new Uint16Array(random(2 * count).buffer);
  return Uint8Array.from(words, (word) => word % 3);
}

/** Random integers below a limit that is far below 2³². */
function drawBelow(limit, count, random) {
  const words = new Uint32Array(random(8 * count).buffer);
  return Uint32Array.from({ length: count }, (_, at) => {
    const fraction = (words[2 * at] + words[2 * at + 1] / 2 ** 32) / 2 ** 32;
    return Math.min(Math.floor(fraction * limit), limit - 1);
  });
}
