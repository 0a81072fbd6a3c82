/**
 * The content of a robust record (docs/format.md, "Record of a robust container"): a file, or a picture as AVIF without its
 * container. The boxes (ISO/IEC 14496-12 and 23008-12, AVIF 1.1) take 275 bytes, which is much where a picture has 400.
 */

import { BARE_AVIF, CONTENT } from "../../page/constants.js";
import { resize } from "../resize.js";
import { requirePicture } from "./av1_header.js";
import { join, Reader, u32 } from "./bytes.js";
import { fileName, mostDeclared } from "./record.js";

const { COLOURS, ESSENTIAL } = BARE_AVIF;
export const { HEAD_BYTES, MOST_SIDE, PICTURE_BYTES } = CONTENT; // PICTURE_BYTES: of a picture's body before its AV1 data
const { FILE_NUMBER, MOST_PIXELS, PICTURE_NUMBERS, PIXEL_RATIO } = CONTENT;
const DEPTHS = new Map(PICTURE_NUMBERS.map(([depth, number]) => [number, depth])); // bits of a sample, by kind
const EIGHT_BITS = new Map(PICTURE_NUMBERS).get(8);
const QUARTERS = [1, 0.8408964152537145, 0.7071067811865476, 0.5946035575013605]; // 2^(-scale/4), exact in each

/** A side at a scale: divided by 2^(scale/4), rounded, at least 1. */
export const scaledSide = (side, scale) =>
  Math.max(1, Math.floor((side * QUARTERS[scale % 4]) / 2 ** Math.floor(scale / 4) + 0.5));

/** Content that hides a file. */
export function fileContent(name, bytes) {
  const encoded = new TextEncoder().encode(name);
  return content(FILE_NUMBER, join([encoded.length], encoded, bytes));
}

/** Bytes of content that a file needs. */
export const fileBytes = (name, size) => HEAD_BYTES + 1 + new TextEncoder().encode(name).length + size;

/** Content that hides a picture. @param {number} scale of the coded picture @param {Uint8Array} coded AV1 data of 8 bits */
export const pictureContent = ({ width, height }, scale, coded) =>
  content(EIGHT_BITS, join(u16(height), u16(width), [scale], coded));

/** A picture, reduced to what readers accept in a container. */
export function withinRatio(picture, container) {
  const area = container.width * container.height;
  const most = Math.min(PIXEL_RATIO * area, mostDeclared(area));
  const factor = Math.sqrt(most / (picture.width * picture.height));
  const reduced = (side) => Math.max(1, Math.floor(side * factor));
  return factor >= 1 ? picture : resize(picture, reduced(picture.width), reduced(picture.height));
}

const u16 = (value) => [value >> 8, value & 0xff];
const content = (kind, body) => join([kind, body.length >> 16], u16(body.length & 0xffff), body);

/**
 * The picture, at its own size, or the file in the content of a record.
 *
 * @param {number} area pixels of the picture that it was read from
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
  const most = Math.min(MOST_PIXELS, PIXEL_RATIO * area, mostDeclared(area));
  if (width * height === 0 || width * height > most || coded.length === 0) {
    throw new RangeError("a picture of no size, or of far too large a one");
  }
  const small = await fromBare(coded, scaledSide(width, scale), scaledSide(height, scale), avif, depth);
  return resize(small, width, height);
}

const AV1 = new Map(BARE_AVIF.AV1); // by bits of a sample
const text = new TextEncoder();

/** The AV1 data of a file with one picture. */
export function toBare(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 0; at + 8 <= file.length; at += view.getUint32(at)) {
    if (view.getUint32(at + 4) === MDAT) return file.subarray(at + 8, at + view.getUint32(at));
  }
  throw new Error("an AVIF file without data");
}

const MDAT = 0x6d646174; // "mdat"

/** Decodes AV1 data of a known size and depth in bits, 8 or 10. @throws {RangeError} it is no such picture */
export async function fromBare(data, width, height, avif, depth = 8) {
  requirePicture(data, width, height);
  const picture = await avif.decode(asFile(data, width, height, depth));
  if (picture?.width !== width || picture.height !== height) throw new RangeError("not a picture of this size");
  return picture;
}

/** The AVIF file of AV1 data. */
export function asFile(data, width, height, depth) {
  const start = boxes(width, height, depth, data.length, 0).length + 8;
  return join(boxes(width, height, depth, data.length, start), box("mdat", data));
}

/** All boxes before the data, which has so many bytes from `start` on. */
function boxes(width, height, depth, size, start) {
  const item = box("infe", [2, 0, 0, 0, 0, 1, 0, 0], text.encode("av01\0")); // version 2
  const properties = [
    fullBox("ispe", u32(width), u32(height)),
    fullBox("pixi", [3, depth, depth, depth]),
    box("av1C", AV1.get(depth)),
    box("colr", text.encode("nclx"), COLOURS),
  ];
  const uses = fullBox("ipma", u32(1), [0, 1, 4, 1, 2, 3 | ESSENTIAL, 4]);
  const meta = [
    fullBox("hdlr", new Uint8Array(4), text.encode("pict"), new Uint8Array(13)),
    fullBox("pitm", [0, 1]),
    fullBox("iloc", [0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1], u32(start), u32(size)),
    fullBox("iinf", [0, 1], item),
    box("iprp", box("ipco", ...properties), uses),
  ];
  return join(box("ftyp", text.encode("avif"), new Uint8Array(4), text.encode("avifmif1")), fullBox("meta", ...meta));
}

function box(name, ...parts) {
  const data = join(...parts);
  return join(u32(data.length + 8), text.encode(name), data);
}

const fullBox = (name, ...parts) => box(name, new Uint8Array(4), ...parts);
