/** A container's record (docs/format.md, "Record"). A film's is not parsed completely. */

import { KINDS, NONE } from "./base.js";
import { equal, fromHex, join, Reader, sized, toHex, u32 } from "./bytes.js";

export const PICTURE = 1;
export const FILM = 2;
export const FILE = 3;
const MAX_FRAMES = 2 ** 24;
const MAX_SIDE = 2 ** 20;
const MAX_PIXELS = 2 ** 28;
const MAX_BLOCK = 256;
const MAX_PART = 2 ** 31 - 1;
const MAX_NAME = 255; // bytes

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
 * A hidden file.
 *
 * @typedef {{name: string, bytes: Uint8Array}} HiddenFile
 */

/**
 * The record of a picture, to be sealed.
 *
 * @param {Uint8Array} filmId 16 random bytes, fresh for each hiding
 * @param {Uint8Array} commitment of the key to them
 * @param {Hidden} hidden
 */
export function formatRecord(filmId, commitment, hidden) {
  const { width, height, kind, block, weights, base } = hidden;
  const once = u32(1);
  return join(
    ...[filmId, commitment, [PICTURE], once, u32(0)],
    ...[[KINDS.indexOf(kind)], [block >> 8, block & 0xff], fromHex(weights), u32(width), u32(height), once],
    ...[once, once, once, once, sized(new Uint8Array()), new Uint8Array(8), sized(base)],
  );
}

/**
 * The record that `formatRecord` wrote, or that of a file in a picture; of a film's frame, that it is one.
 *
 * @param {Uint8Array} bytes
 * @param {import("./keys.js").FilmKey} key
 * @returns {Promise<{filmId: Uint8Array, kind: number, frames: number, hidden?: Hidden, file?: HiddenFile}>}
 * @throws {RangeError} not a valid record
 */
export async function parseRecord(bytes, key) {
  const fields = new Reader(bytes);
  const filmId = fields.take(16);
  require(equal(fields.take(32), await key.commitment(filmId)));
  const [kind, frames, index] = [fields.u8(), fields.u32(), fields.u32()];
  require([PICTURE, FILM, FILE].includes(kind) && index < frames && frames <= MAX_FRAMES);
  if (kind === PICTURE) {
    require(frames === 1);
    return { filmId, kind, frames, hidden: parseHidden(fields) };
  }
  if (kind === FILE && frames === 1) return { filmId, kind, frames, file: await parseFile(fields) };
  return { filmId, kind, frames };
}

/** A file that is all in one frame. */
async function parseFile(fields) {
  const [size, hash, named, offset] = [fields.i64(), fields.take(32), fields.sized(), fields.i64()];
  const bytes = fields.rest();
  require(size === BigInt(bytes.length) && offset === 0n);
  require(equal(hash, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))));
  return { name: fileName(named), bytes };
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
  require(inRange(width, MAX_SIDE) && inRange(height, MAX_SIDE) && width * height <= MAX_PIXELS && frames === 1);
  const parts = [fields.u32(), fields.u32(), fields.u32(), fields.u32()];
  require(parts.every((part) => inRange(part, MAX_PART)));
  const tracks = fields.sized();
  require(inTime(fields.i64(), parts[0], parts[1]));
  const [kind, base] = [KINDS[flags], fields.sized()];
  require(base.length > 0 === (kind !== NONE));
  require(tracks.length === 0 && fields.rest().length === 0); // a picture has no sound
  return { width, height, kind, block, weights, base };
}

const inRange = (value, most) => value > 0 && value <= most;

/** True if a time stamp is within the format's range. */
function inTime(stamp, numerator, denominator) {
  const size = stamp < 0n ? -stamp : stamp;
  return size <= 2n ** 62n && size * BigInt(numerator) <= 2n ** 40n * BigInt(denominator);
}

function require(holds) {
  if (!holds) throw new RangeError("not a stegnet record");
}
