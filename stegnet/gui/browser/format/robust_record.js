/** The bits of a robust container: operating points, dither, places, header, record (docs/format.md). */

import { MODEM, ROBUST_RECORD } from "../../page/constants.js";
import { bitOf, join, packed, u32, unpacked } from "./bytes.js";
import { argsort, openWith, sealWith, stream, TAG_BYTES } from "./ciphers.js";
import { Code, Coding, HIGHEST, LOWEST } from "./fec.js";

export const { DITHER } = MODEM; // luma coefficients of a block
/** Numbers of shares, of the blocks that could carry the record: 1, 7/8, 3/4, 5/8, 1/2 …; the others stay as they are. */
export const { SHARES } = ROBUST_RECORD;
const { HEADER_BYTES, HEADER_ITERATIONS, RANDOM_BITS } = ROBUST_RECORD;
const { HEADER_SHARE, MOST_HEADER } = ROBUST_RECORD; // one block in HEADER_SHARE carries the header, at most MOST_HEADER
const { BITS_OF_CHOSEN } = ROBUST_RECORD; // of a header, at most, where blocks are chosen by texture
const { MOST_CHOICE } = ROBUST_RECORD; // blocks, of which the most textured one carries something
const RANDOM = 2n ** BigInt(RANDOM_BITS);
export const NONCE_BYTES = HEADER_BYTES - 1; // random bytes of a header, fresh for each hiding
const HEADER = new Code(...ROBUST_RECORD.HEADER);
const NO_NONCE = new Uint8Array(12); // each record has a key of its own

/**
 * A trade of bits against robustness that a modem has learnt.
 *
 * @typedef {{name: string, first: number, bits: number, psnr: number, lowest: number, highest: number}} OperatingPoint first,
 *   bits: its bits among those of a block; psnr: of its containers in dB; lowest, highest: JPEG qualities that it was
 *   trained for
 */

/** Operating points as a modem's card lists them, with the places of their bits. @returns {OperatingPoint[]} */
export function operatingPoints(listed) {
  let next = 0;
  return listed.map(({ name, bits, psnr, lowest, highest }) => {
    const point = { name, first: next, bits, psnr, lowest, highest };
    next += bits;
    return point;
  });
}

/** Rows and columns of blocks: @typedef {{rows: number, cols: number}} Grid */

function headerBlocks(blocks, { bits }, textured) {
  const most = textured ? Math.ceil(BITS_OF_CHOSEN / bits) : MOST_HEADER;
  return Math.max(Math.ceil(HEADER.n / bits), Math.min(Math.ceil(blocks / HEADER_SHARE), most));
}

/**
 * Number of bits that carry the record; 0 if no header fits.
 *
 * @param {number} [share] number of the share of blocks that are used
 * @param {boolean} [textured] they are chosen by texture
 */
export const recordPlaces = (blocks, point, share = 0, textured = false) =>
  shared(Math.max(blocks - headerBlocks(blocks, point, textured), 0), share) * point.bits;

const shared = (blocks, share) => Math.floor((blocks * (8 - (share % 4))) / 2 ** (Math.floor(share / 4) + 3));

/** Bytes of a record's content in so many blocks; negative if they are too few. Arguments as `recordPlaces`. */
export function contentCapacity(blocks, point, rate, share = 0, textured = false) {
  const places = recordPlaces(blocks, point, share, textured);
  return places ? Math.floor(new Coding(places, rate).capacity / 8) - TAG_BYTES : -1;
}

/** The dither of all blocks: planes (64, rows, cols) in [0, 1). */
export async function ditherOf({ rows, cols }, key) {
  const blocks = rows * cols;
  const at = await drawDither(blocks, key);
  const planes = new Float32Array(DITHER * blocks);
  for (let place = 0, to = 0; place < DITHER; place++) {
    for (let block = 0; block < blocks; block++) planes[to++] = at(block, place);
  }
  return planes;
}

/** The dither in [0, 1) of a coefficient of a block, as a function of their numbers. */
export async function drawDither(blocks, key) {
  const words = new DataView(await stream(await key.dither(), 2 * DITHER * blocks));
  return (block, place) => words.getUint16(2 * (block * DITHER + place), true) / 65536;
}

/** The places of a picture's bits, in an operating point's planes (bits, rows, cols). */
class Places {
  /** @param {Uint32Array} header places, in the order of its coded bits @param {Uint32Array} order of all blocks */
  constructor(blocks, bits, header, order, texture) {
    Object.assign(this, { blocks, bits, header, order, texture });
  }

  /** The blocks that carry the header. */
  headerBlocks = () => blocksOf(this.header, this.blocks);

  /** All other blocks, in their order. */
  get others() {
    return without(this.order, this.headerBlocks());
  }

  /** Places of the record, in a fixed order. @param {number} share its number */
  record = (share, header) => placesIn(this.#used(share, header), this.blocks, this.bits);

  /** The blocks that carry nothing; arguments as `record`. */
  unused = (share, header) => without(this.others, this.#used(share, header));

  /** The blocks that carry the record: which ones of all others is new in each hiding. */
  #used(share, header) {
    const { others } = this;
    const count = others.length;
    const start = share && count ? Number((numberOf(header) % RANDOM) % BigInt(count)) : 0;
    const turned = new Uint32Array(count);
    turned.set(others.subarray(start));
    turned.set(others.subarray(0, start), count - start);
    return chosen(turned, shared(count, share), this.texture);
  }
}

/** The blocks of some places. */
const blocksOf = (places, blocks) => new Uint32Array(new Set(places.map((place) => place % blocks)));

/** All places of some blocks, those of a block together. */
const placesIn = (some, blocks, bits) =>
  Uint32Array.from({ length: some.length * bits }, (_, at) => (at % bits) * blocks + some[Math.floor(at / bits)]);

/** The order of a picture's blocks, which is that of all operating points. */
export const drawOrder = async (blocks, key) => argsort(await stream(await key.places(), 8 * blocks), blocks);

/**
 * The places in a picture.
 *
 * @param {Uint32Array} order as of `drawOrder`
 * @param {Float64Array} [texture] of the blocks, by which they are chosen; null: they are used as they come
 */
export async function placesOf(order, { bits }, key, texture = null) {
  const blocks = order.length;
  const some = Math.min(blocks, headerBlocks(blocks, { bits }, Boolean(texture)));
  const words = await stream(await key.places(), 8 * (blocks + some * bits));
  const first = placesIn(chosen(order, some, texture), blocks, bits);
  const header = argsort(words, first.length, blocks).map((at) => first[at]);
  return new Places(blocks, bits, header, order, texture);
}

/** So many of some blocks: the most textured of each of as many parts; without textures, the first. */
function chosen(blocks, count, texture) {
  if (!texture) return blocks.subarray(0, count);
  const some = blocks.subarray(0, MOST_CHOICE * count);
  const start = (part) => Math.floor((part * some.length) / count);
  const best = (one, other) => (texture[other] > texture[one] ? other : one);
  return Uint32Array.from({ length: count }, (_, part) => some.subarray(start(part), start(part + 1)).reduce(best));
}

/** Some blocks without others. */
function without(blocks, others) {
  const left = new Set(others);
  return blocks.filter((block) => !left.has(block));
}

/** A header: rate, number of a share, and the last of some random bytes' bits. */
function headerOf(rate, share, nonce) {
  const number = BigInt(rate * SHARES + share) * RANDOM + (numberOf(nonce) % RANDOM);
  return Uint8Array.from({ length: HEADER_BYTES }, (_, at) => Number(BigInt.asUintN(8, number >> BigInt(56 - 8 * at))));
}

/** The number of some bytes, the highest first. */
const numberOf = (bytes) => bytes.reduce((number, byte) => 256n * number + BigInt(byte), 0n);

/**
 * The bits of an operating point that carry a record.
 *
 * @param {{rate: number, share?: number}} how share: number of the share of blocks that are used
 * @param {Uint8Array} content at most `contentCapacity` bytes
 * @param {Uint8Array} nonce NONCE_BYTES random bytes
 * @returns {Promise<{bits: Uint8Array, unused: Uint32Array}>} bits: planes (bits, rows, cols) of 0 and 1; unused: the
 *   blocks that carry nothing, whose bits are 0
 */
export async function codedBits(grid, point, { rate, share = 0 }, content, key, nonce, texture = null) {
  const blocks = grid.rows * grid.cols;
  const places = await placesOf(await drawOrder(blocks, key), point, key, texture);
  const header = headerOf(rate, share, nonce);
  const bits = new Uint8Array(blocks * point.bits);
  const headerMask = await maskOf(await key.headerMask(), places.header.length);
  const headerWord = await HEADER.encode(unpacked(header));
  for (const [at, place] of places.header.entries()) bits[place] = headerWord[at % HEADER.n] ^ bitOf(headerMask, at);

  const record = places.record(share, header);
  const coding = new Coding(record.length, rate);
  const whole = new Uint8Array(contentCapacity(blocks, point, rate, share, Boolean(texture)));
  whole.set(content);
  const message = new Uint8Array(coding.capacity);
  message.set(unpacked(await sealWith(await key.record(header), NO_NONCE, whole, bound(header, grid))));
  const coded = await coding.encode(message);
  const { order, mask } = await scattered(key, header, coding.places);
  for (let at = 0; at < coded.length; at++) bits[record[order[at]]] = coded[at] ^ bitOf(mask, at);
  return { bits, unused: places.unused(share, header) };
}

/**
 * Reads the record of an operating point.
 *
 * @param {Float32Array} ratios of its bits, planes (bits, rows, cols): log-likelihood ratios; 0 where unknown
 * @param {Places} places of the operating point
 * @param {(blocks: Uint32Array) => Promise<Float32Array>} [ratiosIn] computes those of some blocks at least, once a header
 *   was read
 * @returns {Promise<Uint8Array | null>} its content, with the zeros at its end; null if it does not open
 */
export async function readBits(ratios, grid, point, key, places, ratiosIn = async () => ratios) {
  const blocks = grid.rows * grid.cols;
  const isTextured = Boolean(places.texture);
  if (!recordPlaces(blocks, point, 0, isTextured)) return null;
  const header = await readHeader(ratios, places.header, await key.headerMask());
  if (!header) return null;
  const first = Number(numberOf(header) / RANDOM);
  const [rate, share] = [Math.floor(first / SHARES), first % SHARES];
  if (rate < LOWEST || rate > HIGHEST || contentCapacity(blocks, point, rate, share, isTextured) < 0) return null;
  const record = places.record(share, header);
  const coding = new Coding(record.length, rate);
  const { order, mask } = await scattered(key, header, coding.places);
  const read = await ratiosIn(blocksOf(record, blocks));
  const signed = Float32Array.from(order, (place, at) => signedBy(read[record[place]], bitOf(mask, at)));
  const message = await coding.decode(signed);
  return message && openWith(await key.record(header), NO_NONCE, packed(message), bound(header, grid));
}

async function readHeader(ratios, places, maskKey) {
  const mask = await maskOf(maskKey, places.length);
  const sums = new Float32Array(HEADER.n);
  for (const [at, place] of places.entries()) sums[at % HEADER.n] += signedBy(ratios[place], bitOf(mask, at));
  const bits = await HEADER.decode(sums, HEADER_ITERATIONS);
  return bits && packed(bits);
}

const signedBy = (ratio, isNegated) => (isNegated ? -ratio : ratio);

/** Order and mask of a record's coded bits. */
async function scattered(key, header, count) {
  const order = argsort(await stream(await key.order(header), 8 * count), count);
  return { order, mask: await maskOf(await key.mask(header), count) };
}

const maskOf = async (key, count) => new Uint8Array(await stream(key, Math.ceil(count / 8)));

/** Data that a sealed record is bound to: its header, and the picture's size. */
const bound = (header, { rows, cols }) => join(header, u32(rows), u32(cols));
