/** The content of a robust record: a picture, or a file (docs/format.md, "Record of a robust container"). */

import { CONTENT } from "../constants.js";
import { resize } from "../resize.js";
import { fromBare } from "./bare.js";
import { join, Reader } from "./bytes.js";
import { fileName } from "./record.js";

export const { HEAD_BYTES, MOST_SIDE, PICTURE_BYTES } = CONTENT; // PICTURE_BYTES: of a picture's body before its AV1 data
const { FILE_NUMBER, MOST_PIXELS, PICTURE_NUMBERS, PIXEL_RATIO, WRITTEN_RATIO } = CONTENT;
const DEPTHS = new Map(PICTURE_NUMBERS.map(([depth, number]) => [number, depth])); // bits of a sample, by kind
const EIGHT_BITS = new Map(PICTURE_NUMBERS).get(8);
const QUARTERS = [1, 0.8408964152537145, 0.7071067811865476, 0.5946035575013605]; // 2^(-scale/4), exact in each

/** A side at a scale: divided by 2^(scale/4), rounded, at least 1. */
export const scaledSide = (side, scale) =>
  Math.max(1, Math.floor((side * QUARTERS[scale % 4]) / 2 ** Math.floor(scale / 4) + 0.5));

/** Content that hides a file. @param {string} name @param {Uint8Array} bytes */
export function fileContent(name, bytes) {
  const encoded = new TextEncoder().encode(name);
  return content(FILE_NUMBER, join([encoded.length], encoded, bytes));
}

/** Bytes of content that a file needs. */
export const fileBytes = (name, size) => HEAD_BYTES + 1 + new TextEncoder().encode(name).length + size;

/** Content that hides a picture. @param {number} scale of the coded picture @param {Uint8Array} coded AV1 data of 8 bits */
export const pictureContent = ({ width, height }, scale, coded) =>
  content(EIGHT_BITS, join(u16(height), u16(width), [scale], coded));

/** A picture, reduced to what readers accept in a container. @param {import("../picture.js").Picture} container */
export function withinRatio(picture, container) {
  const factor = Math.sqrt((WRITTEN_RATIO * container.width * container.height) / (picture.width * picture.height));
  const reduced = (side) => Math.max(1, Math.floor(side * factor));
  return factor >= 1 ? picture : resize(picture, reduced(picture.width), reduced(picture.height));
}

const u16 = (value) => [value >> 8, value & 0xff];
const content = (kind, body) => join([kind, body.length >> 16], u16(body.length & 0xffff), body);

/**
 * The picture, at its own size, or the file in the content of a record.
 *
 * @param {Uint8Array} bytes
 * @param {import("./base.js").Avif} avif
 * @param {number} area pixels of the picture that it was read from
 * @returns {Promise<{secret?: import("../picture.js").Picture, file?: import("./record.js").HiddenFile}>}
 * @throws {RangeError} neither is there
 */
export async function parseContent(bytes, avif, area) {
  const fields = new Reader(bytes);
  const [kind, length] = [fields.u8(), (fields.u8() << 16) | fields.u16()];
  const body = new Reader(fields.take(length));
  if (fields.rest().some((byte) => byte !== 0)) throw new RangeError("of another length");
  if (DEPTHS.has(kind)) return { secret: await parsePicture(body, avif, area, DEPTHS.get(kind)) };
  if (kind === FILE_NUMBER) return { file: { name: fileName(body.take(body.u8())), bytes: body.rest() } };
  throw new RangeError("of an unknown kind");
}

async function parsePicture(body, avif, area, depth) {
  const [height, width, scale, coded] = [body.u16(), body.u16(), body.u8(), body.rest()];
  const most = Math.min(MOST_PIXELS, PIXEL_RATIO * area);
  if (width * height === 0 || width * height > most || coded.length === 0) {
    throw new RangeError("a picture of no size, or of far too large a one");
  }
  const small = await fromBare(coded, scaledSide(width, scale), scaledSide(height, scale), avif, depth);
  return resize(small, width, height);
}
