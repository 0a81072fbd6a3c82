/** The base of a secret, which travels as sealed bytes, such as means of 8×8 blocks (docs/format.md, "Base"). */

import { BASE } from "../../page/constants.js";
import { roundEven } from "../picture.js";
import { pictureData, requirePicture } from "./av1_header.js";
import { deflate, inflate, join } from "./bytes.js";

/** Kinds of bases; a record holds the index. */
export const { KINDS } = BASE;
export const [NONE, MEANS, CODED] = KINDS;

const { GREY, HIDDEN_RMS, MIN_RMS } = BASE; // of a residual, the root mean square: as it is hidden, and at least
const { GAIN_UNIT, GAIN_BIAS, MAX_GAIN_CODE } = BASE; // the gain is 2^((code - 32) / 8)
const QUALITY_STEP = 5;
// At quality 0: an AVIF file without its samples, and bytes for each pixel of random 2×2 blocks in primary colours.
const [LEAST_FILE, LEAST_PER_PIXEL] = [400, 0.22];

/**
 * A base as both sides know it.
 *
 * @typedef {{picture: import("../picture.js").Picture, gain: number}} Base gain: factor of the residual
 *
 * A coder of AVIF files.
 *
 * @typedef {object} Avif
 * @property {(picture: import("../picture.js").Picture, quality: number, speed?: number) => Promise<Uint8Array>} encode
 *   speed: libaom's, 0 to 10
 * @property {(bytes: Uint8Array) => Promise<import("../picture.js").Picture | null>} decode null for other bytes
 */

/** Upper bound of the bytes that any secret of this size needs. */
export function leastBytes(kind, width, height) {
  if (kind === NONE) return 0;
  if (kind === MEANS) return 1 + maxPackedBytes((width * height) / BLOCK ** 2);
  return 1 + LEAST_FILE + Math.ceil(LEAST_PER_PIXEL * width * height);
}

/**
 * The base of a secret as bytes; `setGain` writes the first of them.
 *
 * @param {string} kind one of KINDS; the bytes of "none" are empty
 * @param {import("../picture.js").Picture} secret with sides that are multiples of 8
 * @param {number} quality of "coded", 0 to 100; lowered if the bytes would exceed `most`
 * @returns {Promise<Uint8Array | null>} null if they exceed `most` in any case
 */
export async function encodeBase(kind, secret, quality, most, avif) {
  const { width, height } = secret;
  if (kind === NONE) return new Uint8Array();
  const means = kind === MEANS && blockMeans(secret);
  const coded = means ? await pack(means, height / BLOCK, width / BLOCK) : await fitting(secret, quality, most - 1, avif);
  if (!coded || coded.length >= most) return null;
  return join([0], coded);
}

/** Writes the gain that makes the residual HIDDEN_RMS strong into the bytes of `encodeBase`, and returns it. */
export function setGain(bytes, secret, enhanced) {
  if (!bytes.length) return 1;
  let sum = 0;
  for (let at = 0; at < secret.length; at++) sum += (secret[at] - enhanced[at]) ** 2;
  const rms = Math.sqrt(sum / secret.length);
  const code = Math.round(GAIN_UNIT * Math.log2(HIDDEN_RMS / Math.max(rms, MIN_RMS))) + GAIN_BIAS;
  bytes[0] = Math.min(Math.max(code, 0), MAX_GAIN_CODE);
  return gainOf(bytes[0]);
}

const gainOf = (code) => 2 ** ((code - GAIN_BIAS) / GAIN_UNIT);

/** A base of a known kind and size. @throws {RangeError} the bytes are not such a base */
export async function decodeBase(kind, bytes, width, height, avif) {
  if (kind === NONE)
    return { picture: { width, height, data: new Uint8Array(3 * width * height).fill(GREY) }, gain: 1 };
  const [code, coded] = [bytes[0], bytes.subarray(1)];
  if (code > MAX_GAIN_CODE) throw new RangeError("not a base");
  const gain = gainOf(code);
  if (kind === MEANS)
    return { picture: enlarged(await unpack(coded, height / BLOCK, width / BLOCK), width, height), gain };
  requirePicture(pictureData(coded), width, height);
  const picture = await avif.decode(coded);
  if (picture?.width !== width || picture.height !== height) throw new RangeError("not a base");
  return { picture, gain };
}

/** The AVIF file of the highest quality that fits, of `quality` and lower ones in steps; null if none does. */
async function fitting(secret, quality, most, avif) {
  let [fits, found] = [-1, null];
  let tooLarge = quality + 1;
  for (let next = quality; tooLarge - fits > 1; next = (fits + tooLarge) >> 1) {
    const coded = await avif.encode(secret, next);
    if (coded.length > most) tooLarge = next;
    else [fits, found] = [next, coded];
    if (fits >= 0 && tooLarge - fits <= QUALITY_STEP) break;
  }
  return found;
}

export const { BLOCK } = BASE;

/** The mean of each 8×8 block, rounded: (rows, cols, 3). */
function blockMeans({ width, height, data }) {
  const [rows, cols] = [height / BLOCK, width / BLOCK];
  const sums = new Uint32Array(rows * cols * 3);
  for (let y = 0, sample = 0; y < height; y++) {
    const row = Math.floor(y / BLOCK) * cols;
    for (let x = 0; x < width; x++) {
      const cell = 3 * (row + Math.floor(x / BLOCK));
      for (let channel = 0; channel < 3; channel++) sums[cell + channel] += data[sample++];
    }
  }
  return Uint8Array.from(sums, (sum) => roundEven(sum / BLOCK ** 2));
}

/** A picture that has each mean throughout its block. */
export function enlarged(means, width, height) {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, sample = 0; y < height; y++) {
    const row = Math.floor(y / BLOCK) * (width / BLOCK);
    for (let x = 0; x < width; x++) {
      const cell = 3 * (row + Math.floor(x / BLOCK));
      for (let channel = 0; channel < 3; channel++) data[sample++] = means[cell + channel];
    }
  }
  return { width, height, data };
}

/** Upper bound of `pack`'s bytes for this many 8×8 blocks: DEFLATE stores what it can't compress. */
const maxPackedBytes = (blocks) => 3 * blocks + 5 * (Math.floor((3 * blocks) / 16000) + 1) + 16;

/**
 * @param {Uint8Array} means (rows, cols, 3)
 * @returns {Promise<Uint8Array>} red and blue minus green, each row minus the one above, each column minus the
 *   one before; zlib
 */
function pack(means, rows, cols) {
  const planes = new Uint8Array(means.length);
  const at = (y, x, channel) => {
    if (y < 0 || x < 0) return 0;
    const pixel = 3 * (y * cols + x);
    return channel === 1 ? means[pixel + 1] : means[pixel + channel] - means[pixel + 1];
  };
  let next = 0;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < cols; x++) {
        planes[next++] = at(y, x, channel) - at(y - 1, x, channel) - at(y, x - 1, channel) + at(y - 1, x - 1, channel);
      }
    }
  }
  return deflate(planes);
}

/** The means that `pack` compressed. @throws {RangeError} not the bytes of such means */
async function unpack(bytes, rows, cols) {
  const planes = await inflate(bytes, 3 * rows * cols);
  const means = new Uint8Array(planes.length);
  for (let channel = 0; channel < 3; channel++) {
    const plane = planes.subarray(channel * rows * cols, (channel + 1) * rows * cols);
    for (let y = 0; y < rows; y++) {
      for (let x = 0, sum = 0; x < cols; x++) {
        sum += plane[y * cols + x];
        means[3 * (y * cols + x) + channel] = sum + (y ? means[3 * ((y - 1) * cols + x) + channel] : 0);
      }
    }
  }
  for (let pixel = 0; pixel < means.length; pixel += 3) {
    means[pixel] += means[pixel + 1];
    means[pixel + 2] += means[pixel + 1];
  }
  return means;
}
