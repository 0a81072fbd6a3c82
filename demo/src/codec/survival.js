/** Hiding what survives a lossy channel: the channel is simulated on the container. */

import { SURVIVAL } from "../constants.js";
import { PageError } from "../errors.js";
import { argsort, systemRandom } from "../format/ciphers.js";
import { Coding, HIGHEST, LONGEST, LOWEST, RATES } from "../format/fec.js";
import { keySource } from "../format/keys.js";
import { BLOCK, gridOf, saltsOf, textureOf } from "../format/regions.js";
import {
  codedBits,
  contentCapacity,
  DITHER,
  ditherOf,
  NONCE_BYTES,
  recordPlaces,
  SHARES,
} from "../format/robust_record.js";
import { blank, corner } from "../picture.js";
import { arrivals, received } from "./channels.js";
import { hideBits, makeReader, planesOf, revealBits } from "./modem.js";

// see stegnet/methods/robust/robust_pictures.py
const { ATTEMPTS, CODEWORDS, GRID, LARGE, LOST, MARGIN, SPARED, SQUARE, TEXTURED, UNEVEN } = SURVIVAL;

/**
 * Hides content so that it survives a channel, in as few blocks as possible, at the most robust rate there.
 *
 * @param {import("../picture.js").Picture} cover prepared for the channel
 * @param {(capacity: number) => Promise<{content: Uint8Array}>} fit content of at most so many bytes
 * @param {(container: import("../picture.js").Picture) => import("../picture.js").Picture} [options.written] as of
 *   `received`
 * @param {(stage: string, done: number, total: number) => void} [options.onProgress] called with "rate", "fit", "embed"
 *   and "check"
 * @returns {Promise<{container: import("../picture.js").Picture, fitted: object, capacity: number}>} the container as
 *   it is before it is written as JPEG, what `fit` gave, and the capacity in bytes
 * @throws {PageError} the content does not fit, or does not survive
 */
export async function hideRobust(engine, cover, fit, options) {
  const { keyInput, channel, point, written, onProgress = () => {}, random = systemRandom } = options;
  const grid = gridOf(cover);
  const blocks = grid.rows * grid.cols;
  const capacity = (rate) => contentCapacity(blocks, point, rate);
  const reader = makeReader(engine, keySource(keyInput));
  const few = cover.width * cover.height > LARGE;
  const arriving = (picture, isFew) => received(channel, picture, isFew, written);
  const counted = (stage, isFew) => (picture) =>
    withProgress((done, total) => onProgress(stage, done, total), arriving(picture, isFew), arrivals(channel, isFew));
  onProgress("rate", 0, 1);
  let most = (await bestRate(engine, cover, point, counted("rate", false), random)) - MARGIN;
  let [container, shares, texture] = [cover, SHARES, null];
  for (let attempt = 0; attempt < ATTEMPTS && most >= LOWEST && capacity(most) >= 1; attempt++) {
    onProgress("fit", 0, 1);
    const fitted = await fit(capacity(most));
    // Codecs upset the order where textures are alike: then blocks are used as they come.
    const { rate, share, chosen } = rateAndShare(blocks, point, most, fitted.content.length, shares, attempt < TEXTURED);
    onProgress("embed", 0, 1);
    // Of the cover, then of what hiding made of it.
    const salt = await commonSalt(few && container === cover ? [cover] : arriving(container, few));
    const key = await reader.keyOf(salt);
    texture = chosen ? (texture ?? textureOf(cover)) : null;
    const how = { rate, share };
    const { bits, unused } = await codedBits(grid, point, how, fitted.content, key, random(NONCE_BYTES), texture);
    container = await hideBits(engine, cover, point, bits, await ditherOf(grid, key), unused);
    if (await allRead(reader, counted("check", few)(container), fitted.content, share ? LOST : 0)) {
      return { container, fitted, capacity: contentCapacity(blocks, point, rate, share, chosen) };
    }
    if (texture && attempt + 1 === TEXTURED) shares = SHARES;
    else if (share) shares = Math.max(share - Math.floor(attempt / 2), 1);
    else most -= MARGIN;
  }
  throw new PageError(
    `Nothing that is hidden in this cover survives ${channel.name}.`,
    "Use a larger cover, with more detail.",
  );
}

/**
 * The rate of content of a size in bytes, and the number of the smallest share of blocks that it fits into.
 *
 * Where there is capacity to spare, blocks are left as they are, and the rate is at most SPARED of the highest, and less the
 * fewer there are: some carry little. Then it is the lowest that fits. `chosen` tells if blocks are chosen by texture.
 */
function rateAndShare(blocks, point, most, size, shares, textured) {
  for (let share = shares - 1; share >= 0; share--) {
    const chosen = textured && share > 0;
    const used = recordPlaces(blocks, point, share, chosen) / point.bits;
    const highest = share ? Math.floor(most * SPARED * (1 - UNEVEN / Math.sqrt(used))) : most;
    const capacity = (rate) => contentCapacity(blocks, point, rate, share, chosen);
    if (highest < LOWEST || capacity(highest) < size) continue;
    let rate = LOWEST;
    while (capacity(rate) < size) rate++;
    return { rate, share, chosen };
  }
  throw new Error("content that does not fit");
}

/** Pictures, each reported. */
function* withProgress(report, pictures, total) {
  let done = 0;
  for (const picture of pictures) {
    report(done++, total);
    yield picture;
  }
}

/** The likeliest salt that readers of each of these pictures try; that of the first if there is none. */
async function commonSalt(pictures) {
  let [likeliest, common] = [null, null];
  for (const picture of pictures) {
    const salts = (await saltsOf(picture)).map((salt) => salt.join());
    likeliest ??= salts[0];
    common = common?.filter((salt) => salts.includes(salt)) ?? salts;
  }
  return Uint8Array.from((common[0] ?? likeliest).split(","));
}

async function allRead(reader, pictures, content, lost) {
  for (const picture of pictures) {
    const found = await reader.readOwn(picture, lost);
    if (!found || content.some((byte, at) => byte !== found[at])) return false;
  }
  return true;
}

/**
 * The highest rate at which random bits in a cover survive a channel; 0 if none does.
 *
 * A code is linear: it corrects the errors of any message as it corrects those of zeros. So bits are hidden once, and
 * what was read of them, negated where a bit was 1, is decoded at one rate after the other.
 */
async function bestRate(engine, cover, point, arriving, random) {
  const sample = sampleOf(cover);
  const grid = gridOf(sample);
  const blocks = grid.rows * grid.cols;
  const places = Math.min(recordPlaces(blocks, point), CODEWORDS * LONGEST);
  if (!places) return 0;
  const bits = random(blocks * point.bits).map((byte) => byte & 1);
  const words = new Uint16Array(random(2 * DITHER * blocks).buffer);
  const dither = Float32Array.from(words, (word) => word / 65536);
  const chosen = argsort(random(8 * bits.length).buffer, bits.length).subarray(0, places);
  const container = await hideBits(engine, sample, point, bits, dither);
  const read = [];
  for (const picture of arriving(container)) {
    const ratios = planesOf(await revealBits(engine, picture, dither), point, grid);
    read.push(Float32Array.from(chosen, (place) => (bits[place] ? -ratios[place] : ratios[place])));
  }
  read.sort((one, other) => information(one) - information(other));
  let rate = Math.min(Math.floor(information(read[0]) * RATES), HIGHEST);
  while (rate >= LOWEST && !(await allZero(rate, read))) rate--;
  return Math.max(rate, 0);
}

/** Mutual information in bits of a bit and its log-likelihood ratio, from ratios that are negative where right. */
function information(wrong) {
  let sum = 0;
  for (const ratio of wrong) sum += Math.max(ratio, 0) + Math.log1p(Math.exp(-Math.abs(ratio)));
  return 1 - sum / wrong.length / Math.LN2;
}

/** True if all readings are decoded as zeros at a rate. */
async function allZero(rate, read) {
  const coding = new Coding(read[0].length, rate);
  if (!coding.capacity) return false;
  for (const ratios of read) {
    const message = await coding.decode(ratios);
    if (!message || message.some((bit) => bit !== 0)) return false;
  }
  return true;
}

/** Squares from all over a large picture, put together; a smaller picture as it is. */
function sampleOf(picture) {
  const { width, height } = picture;
  const { rows, cols } = gridOf(picture);
  if (width * height <= LARGE || Math.min(width, height) < SQUARE) return corner(picture, BLOCK * cols, BLOCK * rows);
  const count = Math.floor(Math.sqrt(LARGE / 3) / SQUARE);
  const starts = (side) => {
    const parts = Math.min(count, Math.floor(side / SQUARE));
    const first = (part) => (parts > 1 ? ((side - SQUARE) * part) / (parts - 1) : 0);
    return Array.from({ length: parts }, (_, part) => GRID * Math.floor(first(part) / GRID));
  };
  const [across, down] = [starts(width), starts(height)];
  const sample = blank(SQUARE * across.length, SQUARE * down.length);
  for (let y = 0; y < sample.height; y++) {
    const row = (down[Math.floor(y / SQUARE)] + (y % SQUARE)) * width;
    for (const [part, left] of across.entries()) {
      const from = 3 * (row + left);
      sample.data.set(picture.data.subarray(from, from + 3 * SQUARE), 3 * (y * sample.width + part * SQUARE));
    }
  }
  return sample;
}
