/** The record of a frame (docs/format.md, "Record"). Of a hidden film or an album, only that it is one is parsed. */

import { KEYS, READING, RECORD } from "../../page/constants.js";
import { KINDS, NONE } from "./base.js";
import { equal, fromHex, join, Reader, sized, toHex, u32, u64 } from "./bytes.js";
import { leastShares, shareBytes } from "./spread.js";

export const { FILM_ID_BYTES } = KEYS;
const { SECRET_BYTES } = KEYS;
const { picture: PICTURE } = RECORD.NUMBERS;
export const { film: FILM } = RECORD.NUMBERS;
export const { FILE } = RECORD; // the kind of a whole file
export const { MAX_NAME } = RECORD; // bytes
const { MAX_BLOCK, MAX_FRAMES, MAX_PART, MAX_PIXELS, MAX_SIDE } = RECORD;
// The kinds of a spread file, of one in an album with pictures to spare, and of one in an album without.
const { SPREAD, SPARE, PART } = RECORD;
const BEFORE_ASPECT = 63; // bytes from a film's base to its pixel aspect ratio
const MOST_ASPECT = 256; // pixel aspect ratio, or its inverse
const { MAX_PIXEL_RATIO, LARGE_PHOTOGRAPH, LARGEST_RATIO } = READING; // pixels of a secret

/**
 * A hidden picture.
 *
 * @typedef {object} Hidden
 * @property {number} width its true size
 * @property {number} height
 * @property {string} kind of its base, one of KINDS
 * @property {number} block side of the shuffle's blocks
 * @property {string} weights id of the weights, 64 hexadecimal digits
 * @property {Uint8Array} base as bytes; empty if there is none
 */

/**
 * A hidden file, and a frame's share of it.
 *
 * @typedef {object} FileShare
 * @property {string} name of the file
 * @property {number} size of the file in bytes
 * @property {Uint8Array} digest of the file: SHA-256
 * @property {number} needed shares of a group that give all others; 0 if the file is not spread
 * @property {number} offset of these bytes in the file, if it is not
 * @property {Uint8Array} bytes of the file, or the share
 */

/**
 * The record of a picture, to be sealed.
 *
 * @param {Uint8Array} filmSecret as of `ContainerKeys`
 * @param {Uint8Array} filmId 16 random bytes, fresh for each hiding
 */
export function formatRecord(filmSecret, filmId, hidden) {
  const { width, height, kind, block, weights, base } = hidden;
  const once = u32(1);
  return join(
    ...[[PICTURE], filmSecret, filmId, once, u32(0)],
    ...[[KINDS.indexOf(kind)], [block >> 8, block & 0xff], fromHex(weights), u32(width), u32(height), once],
    ...[once, once, once, once, once, once, sized(new Uint8Array()), new Uint8Array(8), sized(base)],
  );
}

/** The record of a file in the only frame of its container. */
export function formatWholeFile({ name, bytes }) {
  const named = new TextEncoder().encode(name);
  return join([FILE, named.length], named, bytes);
}

/**
 * The record of a frame that carries a share of a file.
 *
 * @param {{frames: number, index: number}} frame index of the frame among the container's
 */
export function formatShare(filmSecret, filmId, { frames, index }, { name, size, digest, needed, bytes }) {
  const described = join(u64(size), digest, sized(new TextEncoder().encode(name)), [needed >> 8, needed & 0xff]);
  return join([SPREAD], filmSecret, filmId, u32(frames), u32(index), described, bytes);
}

/**
 * Parses a record.
 *
 * @returns {Promise<{filmSecret?: Uint8Array, filmId: Uint8Array, kind: number, frames: number, index: number, hidden?:
 *   Hidden, file?: FileShare}>} hidden: of a picture that a network hides; file: of a file; kind: FILE of any
 * @throws {RangeError} not a valid record
 */
export async function parseRecord(bytes) {
  const fields = new Reader(bytes);
  const kind = fields.u8();
  require([PICTURE, FILM, FILE, SPREAD, SPARE, PART].includes(kind));
  if (kind === FILE) return parseWholeFile(fields);
  const [filmSecret, filmId] = [fields.take(SECRET_BYTES), fields.take(FILM_ID_BYTES)];
  const [frames, index] = [fields.u32(), fields.u32()];
  require(index < frames && frames <= MAX_FRAMES);
  if (kind === PICTURE) {
    require(frames === 1);
    return { filmSecret, filmId, kind, frames, index, hidden: parseHidden(fields) };
  }
  if (kind === FILM) checkAspect(fields);
  if (kind === FILM || kind === SPARE) return { filmSecret, filmId, kind, frames, index };
  const file = parseFile(fields, kind === SPREAD ? frames : 0);
  return { filmSecret, filmId, kind: FILE, frames, index, file };
}

async function parseWholeFile(fields) {
  const [name, bytes] = [fileName(fields.take(fields.u8())), fields.rest()];
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const file = { name, size: bytes.length, digest, needed: 0, offset: 0, bytes };
  return { filmId: digest.slice(0, FILM_ID_BYTES), kind: FILE, frames: 1, index: 0, file };
}

/** @param {number} frames that a file is spread over; 0 if it is not */
function parseFile(fields, frames) {
  const size = Number(fields.i64());
  const [digest, named] = [fields.take(32), fields.sized()];
  const [needed, offset] = frames ? [fields.u16(), 0] : [0, Number(fields.i64())];
  const bytes = fields.rest();
  require(size >= 0 && offset >= 0);
  if (frames) require(inRange(needed, leastShares(frames)) && bytes.length === shareBytes({ frames, size, needed }));
  else require(offset + bytes.length <= size);
  return { name: fileName(named), size, digest, needed, offset, bytes };
}

/** A file's name, without its folder. @throws {RangeError} it is none */
export function fileName(bytes) {
  require(inRange(bytes.length, MAX_NAME));
  const name = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  require(equal(new TextEncoder().encode(name), bytes)); // otherwise it was not UTF-8
  require(name !== "." && name !== ".." && !/[/\0]/.test(name));
  return name;
}

function parseHidden(fields) {
  const [flags, block, weights] = [fields.u8(), fields.u16(), toHex(fields.take(32))];
  require(flags < KINDS.length && block > 0 && block <= MAX_BLOCK && block % 8 === 0);
  const [width, height, frames] = [fields.u32(), fields.u32(), fields.u32()];
  require(inSize(width, height) && frames === 1);
  const parts = Array.from({ length: 6 }, () => fields.u32()); // of time base, frame rate and pixel aspect ratio
  require(parts.every((part) => inRange(part, MAX_PART)) && parts[4] === parts[5]);
  const tracks = fields.sized();
  require(inTime(fields.i64(), parts[0], parts[1]));
  const [kind, base] = [KINDS[flags], fields.sized()];
  require(base.length > 0 === (kind !== NONE));
  require(tracks.length === 0 && fields.rest().length === 0); // a picture has no sound
  return { width, height, kind, block, weights, base };
}

/** @throws {RangeError} a hidden picture is far larger than its container: it would take too much memory */
export function checkRatio(hidden, container) {
  const area = container.width * container.height;
  require(hidden.width * hidden.height <= Math.min(MAX_PIXEL_RATIO * area, mostDeclared(area)));
}

/** The pixels of the largest picture that a container of so many pixels may hide. */
export const mostDeclared = (area) => Math.max(LARGE_PHOTOGRAPH, LARGEST_RATIO * area);

const inRange = (value, most) => value > 0 && value <= most;
const inSize = (width, height) =>
  inRange(width, MAX_SIDE) && inRange(height, MAX_SIDE) && width * height <= MAX_PIXELS;

/** Reads a film's pixel aspect ratio. @throws {RangeError} an impossible one */
function checkAspect(fields) {
  fields.take(BEFORE_ASPECT);
  const [width, height] = [fields.u32(), fields.u32()];
  require(inRange(width, MAX_PART) && inRange(height, MAX_PART));
  require(width <= MOST_ASPECT * height && height <= MOST_ASPECT * width);
}

/** True if a time stamp is within the format's range. */
function inTime(stamp, numerator, denominator) {
  const size = stamp < 0n ? -stamp : stamp;
  return size <= BigInt(RECORD.MAX_STAMP) && size * BigInt(numerator) <= BigInt(RECORD.MAX_SECONDS) * BigInt(denominator);
}

function require(holds) {
  if (!holds) throw new RangeError("not a stegnet record");
}
