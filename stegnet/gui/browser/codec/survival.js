/** Hiding what survives a lossy channel: the channel is simulated on the container. */

import { SURVIVAL } from "../../page/constants.js";
import { PageError } from "../errors.js";
import { equal } from "../format/bytes.js";
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
import { throughJpeg } from "../jpeg/libjpeg.js";
import { asView, blank, corner, place } from "../picture.js";
import { arrivals, received, WORST } from "./channels.js";
import { hideBits, makeReader, planesOf, revealBits } from "./modem.js";

// see stegnet/methods/robust/robust_pictures.py
const { ATTEMPTS, BAND_BLOCKS, CODEWORDS, GRID, LARGE, LOST, MARGIN, MOST_WORST, NEAR_WORST } = SURVIVAL;
const { SAMPLED_ABOVE, SAMPLE_PIXELS, SPARED, SQUARE, TEXTURED, UNEVEN, WRITTEN_QUALITY } = SURVIVAL;

const asSaved = (picture) => throughJpeg(picture, WRITTEN_QUALITY);

/**
 * Hides content so that it survives a channel, in as few blocks as possible, at the most robust rate there.
 *
 * @param {import("../picture.js").Picture} cover prepared for the channel
 * @param {(capacity: number) => Promise<{content: Uint8Array}>} fit content of at most so many bytes
 * @param {(container: import("../picture.js").Picture) => import("../picture.js").Picture} [options.written] gives what
 *   viewers show of the file that is sent
 * @param {(stage: string, done: number, total: number) => void} [options.onProgress] called with "rate", "fit", "embed"
 *   and "check"
 * @returns {Promise<{container: import("../picture.js").Picture, fitted: object, capacity: number}>} the container as
 *   it is before it is written as JPEG, what `fit` gave, and the capacity in bytes
 * @throws {PageError} the content does not fit, or does not survive
 */
export async function hideRobust(engine, cover, fit, options) {
  const { keyInput, channel, point, written = asSaved, onProgress = () => {}, random = systemRandom } = options;
  const grid = gridOf(cover);
  const blocks = grid.rows * grid.cols;
  const capacity = (rate) => contentCapacity(blocks, point, rate);
  const reader = makeReader(engine, keySource(keyInput));
  onProgress("rate", 0, 1);
  const measured = await measure(engine, cover, { channel, point, written, onProgress, random });
  const worst = measured.worst && [...new Set([0, ...measured.worst])];
  const tested = cover.width * cover.height > LARGE ? [WORST] : worst;
  let most = measured.rate - MARGIN;
  let salts = [await saltsOf(cover)]; // which JPEG hardly moves
  let [shares, texture] = [SHARES, null];
  for (let attempt = 0; attempt < ATTEMPTS && most >= LOWEST && capacity(most) >= 1; attempt++) {
    onProgress("fit", 0, 1);
    const fitted = await fit(capacity(most));
    // Codecs upset the order where textures are alike: then blocks are used as they come.
    const { rate, share, chosen } = rateAndShare(blocks, point, most, fitted.content.length, shares, attempt < TEXTURED);
    onProgress("embed", 0, 1);
    const key = await reader.keyOf(commonSalt(salts));
    texture = chosen ? (texture ?? textureOf(cover)) : null;
    const how = { rate, share };
    const { bits, unused } = await codedBits(grid, point, how, fitted.content, key, random(NONCE_BYTES), texture);
    const container = await hideBits(engine, cover, point, bits, await ditherOf(grid, key), unused);
    const report = (done) => onProgress("check", done, arrivals(channel, tested));
    const arriving = withProgress(report, received(channel, written(container), tested));
    const sent = await transmit(reader, arriving, fitted.content, share ? LOST : 0);
    if (sent.isRead) return { container, fitted, capacity: contentCapacity(blocks, point, rate, share, chosen) };
    salts = sent.salts;
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
function* withProgress(report, pictures) {
  let done = 0;
  for (const picture of pictures) {
    report(done++);
    yield picture;
  }
}

/** The likeliest salt that readers of each of some pictures try, or else that of the first; given those that they try. */
const commonSalt = ([first, ...others]) =>
  first.find((salt) => others.every((tried) => tried.some((each) => equal(each, salt)))) ?? first[0];

/** True if content is read in each picture that arrives; else also the salts that their readers try. */
async function transmit(reader, pictures, content, lost) {
  let isRead = true;
  const salts = [];
  for (const picture of pictures) {
    salts.push(await saltsOf(picture));
    const found = isRead && (await reader.readOwn(picture, lost));
    isRead = Boolean(found) && content.every((byte, at) => byte === found[at]);
  }
  return { isRead, salts };
}

/**
 * Hides random bits in a cover, and reads them in the worst pictures that may arrive.
 *
 * A code is linear: it corrects the errors of any message as it corrects those of zeros. So bits are hidden once, and
 * what was read of them, negated where a bit was 1, is decoded at one rate after the other.
 *
 * @returns {Promise<{rate: number, worst: number[] | null}>} rate: the highest at which they survive; 0 if there is none;
 *   worst: numbers of these pictures; null: any may be worst
 */
async function measure(engine, cover, { channel, point, written, onProgress, random }) {
  const sample = sampleOf(cover);
  const grid = gridOf(sample);
  const blocks = grid.rows * grid.cols;
  const places = Math.min(recordPlaces(blocks, point), CODEWORDS * LONGEST);
  if (!places) return { rate: 0, worst: null };
  const bits = random(blocks * point.bits).map((byte) => byte & 1);
  const words = new Uint16Array(random(2 * DITHER * blocks).buffer);
  const dither = Float32Array.from(words, (word) => word / 65536);
  const chosen = argsort(random(8 * bits.length).buffer, bits.length).subarray(0, places);
  const sent = written(await hideBits(engine, sample, point, bits, dither));
  let done = 0;
  const report = () => onProgress("rate", done++, arrivals(channel) + MOST_WORST);
  const readIn = async (some, wanted, hidden, used) => {
    const read = [];
    for (const picture of withProgress(report, received(channel, some, wanted))) {
      const ratios = planesOf(await revealBits(engine, picture, used), point, gridOf(picture));
      read.push(ratios.map((ratio, place) => (hidden[place] ? -ratio : ratio)));
    }
    return read;
  };
  let worst = null;
  if (blocks >= 4 * BAND_BLOCKS) {
    const rows = middleRows(grid);
    const [some, used] = [bits, dither].map((planes) => rowsOf(planes, grid, rows));
    worst = nearWorst((await readIn(bandOf(sent, rows), null, some, used)).map(information));
  }
  const read = (await readIn(sent, worst, bits, dither)).map((wrong) => Float32Array.from(chosen, (place) => wrong[place]));
  read.sort((one, other) => information(one) - information(other));
  let rate = Math.min(Math.floor(information(read[0]) * RATES), HIGHEST);
  while (rate >= LOWEST && !(await allZero(rate, read))) rate--;
  return { rate: Math.max(rate, 0), worst };
}

/** The numbers of the pictures that carry least, given how much each of them does. */
function nearWorst(amounts) {
  const order = [...amounts.keys()].sort((one, other) => amounts[one] - amounts[other]).slice(0, MOST_WORST);
  return order.filter((number) => amounts[number] < amounts[order[0]] + NEAR_WORST);
}

/** About BAND_BLOCKS blocks in the middle, from a block of JPEG's halved chroma on: their first row, and how many. */
function middleRows({ rows, cols }) {
  const count = Math.ceil(BAND_BLOCKS / cols);
  const together = GRID / BLOCK;
  return { first: together * Math.floor((rows - count) / 2 / together), count };
}

/** Rows of blocks of planes (any number, rows, cols). */
function rowsOf(planes, { rows, cols }, { first, count }) {
  const part = new planes.constructor((planes.length / rows) * count);
  for (let plane = 0; plane * rows * cols < planes.length; plane++) {
    const start = (plane * rows + first) * cols;
    part.set(planes.subarray(start, start + count * cols), plane * count * cols);
  }
  return part;
}

/** Rows of blocks of a picture. */
function bandOf({ width, data }, { first, count }) {
  const row = 3 * BLOCK * width;
  return { width, height: BLOCK * count, data: data.subarray(row * first, row * (first + count)) };
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

/** Squares from all over a large picture, put together; the whole blocks of a smaller one. */
function sampleOf(picture) {
  const { width, height } = picture;
  const { rows, cols } = gridOf(picture);
  const isSmall = width * height <= SAMPLED_ABOVE || Math.min(width, height) < SQUARE;
  if (isSmall) return corner(picture, BLOCK * cols, BLOCK * rows);
  const count = Math.floor(Math.sqrt(SAMPLE_PIXELS) / SQUARE);
  const starts = (side) => {
    const parts = Math.min(count, Math.floor(side / SQUARE));
    const first = (part) => ((part + 0.5) * side) / parts - SQUARE / 2; // in the middle of an equal part of the side
    return Array.from({ length: parts }, (_, part) => GRID * Math.floor(first(part) / GRID));
  };
  const [across, down] = [starts(width), starts(height)];
  const sample = blank(SQUARE * across.length, SQUARE * down.length);
  for (const [row, top] of down.entries()) {
    for (const [col, left] of across.entries()) {
      place(asView(picture).part(left, top, SQUARE, SQUARE), sample, SQUARE * col, SQUARE * row);
    }
  }
  return sample;
}
