/** A container's record (docs/format.md, "Record"). Only a picture's is parsed completely. */

import { equal, fromHex, join, Reader, sized, toHex, u32 } from "./bytes.js";

export const PICTURE = 1;
export const FILM = 2;
export const FILE = 3;
const MAX_FRAMES = 2 ** 24;
const MAX_SIDE = 2 ** 20;
const MAX_PIXELS = 2 ** 28;
const MAX_BLOCK = 256;
const MAX_PART = 2 ** 31 - 1;
const DETAIL = 1;

/**
 * A hidden picture.
 *
 * @typedef {object} Hidden
 * @property {number} width its true size
 * @property {number} height
 * @property {boolean} detail true if the network hides the detail alone, and the thumbnail holds the block means
 * @property {number} block side of the shuffle's blocks
 * @property {string} weights id of the weights, 64 hexadecimal digits
 * @property {Uint8Array} thumbnail packed block means; empty without the detail layer
 */

/**
 * The record of a picture, to be sealed.
 *
 * @param {Uint8Array} filmId 16 random bytes, fresh for each hiding
 * @param {Uint8Array} commitment of the key to them
 * @param {Hidden} hidden
 */
export function formatRecord(filmId, commitment, hidden) {
  const { width, height, detail, block, weights, thumbnail } = hidden;
  const once = u32(1);
  return join(
    ...[filmId, commitment, [PICTURE], once, u32(0)],
    ...[[detail ? DETAIL : 0], [block >> 8, block & 0xff], fromHex(weights), u32(width), u32(height), once],
    ...[once, once, once, once, sized(new Uint8Array()), new Uint8Array(8), sized(thumbnail)],
  );
}

/**
 * The record that `formatRecord` wrote; of a film's frame or a file, its kind alone.
 *
 * @param {Uint8Array} bytes
 * @param {import("./keys.js").Key} key
 * @returns {Promise<{kind: number, filmId: Uint8Array, hidden?: Hidden}>}
 * @throws {RangeError} not a valid record
 */
export async function parseRecord(bytes, key) {
  const fields = new Reader(bytes);
  const filmId = fields.take(16);
  require(equal(fields.take(32), await key.commitment(filmId)));
  const [kind, frames, index] = [fields.u8(), fields.u32(), fields.u32()];
  require([PICTURE, FILM, FILE].includes(kind) && index < frames && frames <= MAX_FRAMES);
  if (kind !== PICTURE) return { kind, filmId };
  require(frames === 1);
  return { kind, filmId, hidden: parseHidden(fields) };
}

function parseHidden(fields) {
  const [flags, block, weights] = [fields.u8(), fields.u16(), toHex(fields.take(32))];
  require(flags <= DETAIL && block > 0 && block <= MAX_BLOCK && block % 8 === 0);
  const [width, height, frames] = [fields.u32(), fields.u32(), fields.u32()];
  require(inRange(width, MAX_SIDE) && inRange(height, MAX_SIDE) && width * height <= MAX_PIXELS && frames === 1);
  const parts = [fields.u32(), fields.u32(), fields.u32(), fields.u32()];
  require(parts.every((part) => inRange(part, MAX_PART)));
  const tracks = fields.sized();
  require(inTime(fields.i64(), parts[0], parts[1]));
  const thumbnail = fields.sized();
  const detail = flags === DETAIL;
  require(thumbnail.length > 0 === detail);
  require(tracks.length === 0 && fields.rest().length === 0); // a picture has no sound
  return { width, height, detail, block, weights, thumbnail };
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
