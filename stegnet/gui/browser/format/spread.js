/** Files that are spread over the frames of a film by an erasure code (docs/format.md, "Spread files"). */

import { ERASURE, SPREAD } from "../../page/constants.js";
import { join } from "./bytes.js";
import { stream } from "./ciphers.js";

export const { SHARES } = ERASURE; // at most
const { ORDER, POLYNOMIAL } = ERASURE; // of the field's multiplicative group, and of the field
const { RISK, SMALL } = SPREAD; // see stegnet/record/spread.py
const range = (length) => Array.from({ length }, (_, number) => number);

/** Groups that a film's frames form. */
export const groupCount = (frames) => Math.ceil(frames / SHARES);

/** Shares of the smallest group. */
export const leastShares = (frames) => Math.floor(frames / groupCount(frames));

/** Bytes of a share. */
export const shareBytes = ({ frames, size, needed }) => Math.ceil(size / (groupCount(frames) * needed));

/** Bytes of the largest file, for frames of so many bytes of capacity each. */
export const fullCapacity = (frames, capacity) => groupCount(frames) * leastShares(frames) * capacity;

/** Frames that a file needs, with so many bytes of capacity each. */
export function framesFor(size, capacity) {
  const groups = groupCount(Math.max(Math.ceil(size / capacity), 1));
  return groups * Math.ceil(size / (groups * capacity));
}

/** The shares needed of a group: few for a small file, else two thirds, more only where it takes them to fit. */
export function chooseNeeded(size, frames, capacity) {
  const [groups, third] = [groupCount(frames), Math.ceil(frames / 3)];
  let most = frames - third;
  if (groups > 1) for (most = leastShares(frames); most > 1 && risk(frames, most, third) > RISK; ) most--;
  const small = Math.ceil(size / (groups * SMALL));
  return Math.max(Math.min(most, small), Math.ceil(size / (groups * Math.max(capacity, 1))), 1);
}

/** Most frames that may be lost, whichever: for certain with one group, else but for one case in a million. */
export function mostLost(frames, needed) {
  if (groupCount(frames) === 1) return frames - needed;
  let [fine, bad] = [0, frames];
  while (bad - fine > 1) {
    const lost = Math.floor((fine + bad) / 2);
    if (risk(frames, needed, lost) > RISK) bad = lost;
    else fine = lost;
  }
  return risk(frames, needed, 0) > RISK ? -1 : fine;
}

/** A bound on the probability that a group has too few shares left. */
function risk(frames, needed, lost) {
  const [groups, shares] = [groupCount(frames), leastShares(frames)];
  const share = Math.min(lost / (groups * shares), 1);
  let [sum, ways] = [0, 1]; // ways to lose so many of a group's shares
  for (let count = 0; count <= shares; count++) {
    if (count > shares - needed) sum += ways * share ** count * (1 - share) ** (shares - count);
    ways = (ways * (shares - count)) / (count + 1);
  }
  return groups * sum;
}

/** Group and number of the share of each frame. */
async function placesOf(filmId, frames) {
  const label = new TextEncoder().encode("stegnet/1/spread");
  const key = new Uint8Array(await crypto.subtle.digest("SHA-256", join(label, filmId)));
  const words = new DataView(await stream(key, 4 * SHARES));
  const groups = groupCount(frames);
  return (frame) => {
    const number = Math.floor(frame / groups);
    return [((frame % groups) + (words.getUint32(4 * number, true) % groups)) % groups, number];
  };
}

/** A function that gives the share of each frame. */
export async function makeShares(bytes, { filmId, frames, needed }) {
  const place = await placesOf(filmId, frames);
  const length = shareBytes({ frames, needed, size: bytes.length });
  const block = (number) => {
    const part = new Uint8Array(length);
    part.set(bytes.subarray(number * length, (number + 1) * length));
    return part;
  };
  return (frame) => {
    const [group, number] = place(frame);
    const blocks = number < needed ? [number] : range(needed);
    const found = blocks.map((each) => block(group * needed + each));
    return number < needed ? found[0] : valueAt(number, range(needed), found);
  };
}

/**
 * The file that some shares give.
 *
 * @returns {Promise<{bytes: Uint8Array | null, least: number}>} bytes: null if some group has too few shares; least:
 *   shares of the group that has fewest
 */
export async function joinShares(shares, { filmId, frames, size, needed }) {
  const place = await placesOf(filmId, frames);
  const groups = range(groupCount(frames)).map(() => new Map());
  for (const [frame, share] of shares) groups[place(frame)[0]].set(place(frame)[1], share);
  const least = Math.min(...groups.map((group) => group.size));
  if (least < needed) return { bytes: null, least };
  const blocks = groups.flatMap((group) => {
    const some = [...group.keys()].slice(0, needed);
    const found = some.map((number) => group.get(number));
    return range(needed).map((number) => group.get(number) ?? valueAt(number, some, found));
  });
  return { bytes: join(...blocks).slice(0, size), least };
}

const powers = new Uint8Array(ORDER);
const logs = new Uint8Array(SHARES);
for (let exponent = 0, power = 1; exponent < ORDER; exponent++) {
  powers[exponent] = power;
  logs[power] = exponent;
  power <<= 1;
  if (power >= SHARES) power ^= POLYNOMIAL;
}

/**
 * The share of this number, given K shares by Lagrange's formula.
 *
 * @param {number} number 0 to 255
 * @param {number[]} numbers of the given shares, K different ones
 * @param {Uint8Array[]} shares of equal length
 */
function valueAt(number, numbers, shares) {
  const total = new Uint8Array(shares[0].length);
  for (const [index, share] of shares.entries()) {
    const products = multiples(weight(number, numbers, index));
    for (let at = 0; at < total.length; at++) total[at] ^= products[share[at]];
  }
  return total;
}

/** The factor of a share in the sum. */
function weight(number, numbers, index) {
  const own = numbers[index];
  if (numbers.includes(number)) return Number(own === number);
  let log = 0;
  for (const other of numbers) if (other !== own) log += logs[number ^ other] + ORDER - logs[own ^ other];
  return powers[log % ORDER];
}

/** The products of an element with 0 to 255. */
const multiples = (factor) =>
  Uint8Array.from({ length: SHARES }, (_, value) => (factor && value ? powers[(logs[factor] + logs[value]) % ORDER] : 0));
