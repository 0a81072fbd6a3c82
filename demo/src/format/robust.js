/** The bits of a robust container: dither, places, header and record (docs/format.md, "Robust containers"). */

import { bitOf, join, packed, u32, unpacked } from "./bytes.js";
import { openWith, sealWith, stream } from "./ciphers.js";
import { Code, Coding, HIGHEST, LOWEST } from "./code.js";
import { BLOCK } from "./regions.js";
import { argsort } from "./sort.js";

export const NONCE_BYTES = 7; // random bytes of a header, fresh for each hiding
export const DITHER = BLOCK ** 2; // luma coefficients of a block
const HEADER_BYTES = 1 + NONCE_BYTES;
const HEADER = new Code(384, 8 * HEADER_BYTES, 10);
const HEADER_SHARE = 32; // of all blocks, one in so many carries the header
const HEADER_ITERATIONS = 40;
const TAG_BYTES = 16;
const NO_NONCE = new Uint8Array(12); // each record has a key of its own

/**
 * Rows and columns of blocks.
 *
 * @typedef {{rows: number, cols: number}} Grid
 */

const headerBlocks = (blocks, { bits }) => Math.max(Math.ceil(HEADER.n / bits), Math.ceil(blocks / HEADER_SHARE));

/** Number of bits that carry the record; 0 if there is no room for a header. @param {import("./rungs.js").Rung} rung */
export const recordPlaces = (blocks, rung) => Math.max(blocks - headerBlocks(blocks, rung), 0) * rung.bits;

/** Bytes of a record's content in so many blocks; negative if they are too few. @param {import("./rungs.js").Rung} rung */
export function contentRoom(blocks, rung, rate) {
  const places = recordPlaces(blocks, rung);
  return places ? Math.floor(new Coding(places, rate).room / 8) - TAG_BYTES : -1;
}

/** The dither: planes (64, rows, cols) in [0, 1). @param {Grid} grid @param {import("./keys.js").RobustKey} key */
export async function ditherOf({ rows, cols }, key) {
  const blocks = rows * cols;
  const words = new DataView(await stream(await key.dither(), 2 * DITHER * blocks));
  const planes = new Float32Array(DITHER * blocks);
  for (let block = 0; block < blocks; block++) {
    for (let place = 0; place < DITHER; place++) {
      planes[place * blocks + block] = words.getUint16(2 * (block * DITHER + place), true) / 65536;
    }
  }
  return planes;
}

/**
 * Places in a rung's planes (bits, rows, cols): of the header, in the order of its coded bits, and of the rest.
 *
 * @returns {Promise<{header: Uint32Array, rest: Uint32Array}>}
 */
export async function placesOf(blocks, { bits }, key) {
  const some = Math.min(blocks, headerBlocks(blocks, { bits }));
  const words = await stream(await key.places(), 8 * (blocks + some * bits));
  const order = argsort(words, blocks);
  const listed = (part) =>
    Uint32Array.from({ length: part.length * bits }, (_, at) => (at % bits) * blocks + part[Math.floor(at / bits)]);
  const first = listed(order.subarray(0, some));
  return { header: argsort(words, first.length, blocks).map((at) => first[at]), rest: listed(order.subarray(some)) };
}

/**
 * A rung's bits that carry a record: planes (bits, rows, cols) of 0 and 1.
 *
 * @param {Grid} grid
 * @param {import("./rungs.js").Rung} rung
 * @param {number} rate
 * @param {Uint8Array} content at most `contentRoom` bytes
 * @param {import("./keys.js").RobustKey} key
 * @param {Uint8Array} nonce NONCE_BYTES random bytes
 */
export async function codedBits(grid, rung, rate, content, key, nonce) {
  const blocks = grid.rows * grid.cols;
  const places = await placesOf(blocks, rung, key);
  const header = join([rate], nonce);
  const carried = new Uint8Array(blocks * rung.bits);
  const headerMask = await maskOf(await key.headerMask(), places.header.length);
  const headerWord = await HEADER.encode(unpacked(header));
  for (const [at, place] of places.header.entries()) carried[place] = headerWord[at % HEADER.n] ^ bitOf(headerMask, at);

  const coding = new Coding(places.rest.length, rate);
  const whole = new Uint8Array(contentRoom(blocks, rung, rate));
  whole.set(content);
  const message = new Uint8Array(coding.room);
  message.set(unpacked(await sealWith(await key.record(header), NO_NONCE, whole, bound(header, grid))));
  const coded = await coding.encode(message);
  const { order, mask } = await scattered(key, header, coding.places);
  for (let at = 0; at < coded.length; at++) carried[places.rest[order[at]]] = coded[at] ^ bitOf(mask, at);
  return carried;
}

/**
 * Reads the record of a rung.
 *
 * @param {Float32Array} ratios of the rung's bits, planes (bits, rows, cols): log-likelihood ratios
 * @param {Grid} grid
 * @param {import("./rungs.js").Rung} rung
 * @param {import("./keys.js").RobustKey} key
 * @returns {Promise<Uint8Array | null>} its content, with the zeros at its end; null if it does not open
 */
export async function readBits(ratios, grid, rung, key) {
  const blocks = grid.rows * grid.cols;
  if (!recordPlaces(blocks, rung)) return null;
  const places = await placesOf(blocks, rung, key);
  const header = await readHeader(ratios, places.header, await key.headerMask());
  if (!header || header[0] < LOWEST || header[0] > HIGHEST || contentRoom(blocks, rung, header[0]) < 0) return null;
  const coding = new Coding(places.rest.length, header[0]);
  const { order, mask } = await scattered(key, header, coding.places);
  const signed = Float32Array.from(order, (place, at) => signedBy(ratios[places.rest[place]], bitOf(mask, at)));
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

/** What a sealed record is bound to: its header, and the picture's size. */
const bound = (header, { rows, cols }) => join(header, u32(rows), u32(cols));
