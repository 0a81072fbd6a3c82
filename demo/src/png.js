/** PNG files, sample by sample: a canvas may convert colours. */

import { decode, hasPngSignature } from "fast-png";

import { nothingOpens, PageError } from "./errors.js";
import { deflate, join, u32 } from "./format/bytes.js";
import { blank, firstChannel, isGrey } from "./picture.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [GREY, RGB] = [0, 2]; // colour types
const CHUNK = 8192; // bytes of the compressed samples, as in libpng

/** A picture as a PNG file, a grey one as grey, with the filters and chunks of libpng, which most programs use. */
export async function writePng(picture) {
  const { width, height, data } = picture;
  const [type, pixel, samples] = isGrey(picture) ? [GREY, 1, firstChannel(data)] : [RGB, 3, data];
  const packed = await deflate(filtered(samples, width * pixel, height, pixel));
  const chunks = Array.from({ length: Math.ceil(packed.length / CHUNK) }, (_, index) =>
    chunk("IDAT", packed.subarray(index * CHUNK, (index + 1) * CHUNK)),
  );
  const header = join(u32(width), u32(height), [8, type, 0, 0, 0]); // 8 bits, DEFLATE, adaptive filters, not interlaced
  return join(SIGNATURE, chunk("IHDR", header), ...chunks, chunk("IEND", []));
}

/**
 * Differences of a row's bytes from predictions, by the one to the left, the one above and the one above that (ISO/IEC
 * 15948, 9.2). One loop for each, since a call for each byte of a large picture takes seconds. A pixel has so many bytes.
 */
const FILTERS = [
  (row, above, to) => to.set(row),
  (row, above, to, pixel) => {
    for (let at = 0; at < row.length; at++) to[at] = row[at] - (at < pixel ? 0 : row[at - pixel]);
  },
  (row, above, to) => {
    for (let at = 0; at < row.length; at++) to[at] = row[at] - above[at];
  },
  (row, above, to, pixel) => {
    for (let at = 0; at < row.length; at++) to[at] = row[at] - (((at < pixel ? 0 : row[at - pixel]) + above[at]) >> 1);
  },
  (row, above, to, pixel) => {
    for (let at = 0; at < pixel; at++) to[at] = row[at] - above[at];
    for (let at = pixel; at < row.length; at++) to[at] = row[at] - paeth(row[at - pixel], above[at], above[at - pixel]);
  },
];

function paeth(left, above, corner) {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Rows of bytes, each behind the number of the filter whose differences have the least sum (ISO/IEC 15948, 12.8). */
function filtered(data, row, height, pixel) {
  const result = new Uint8Array(height * (row + 1));
  const blackRow = new Uint8Array(row);
  const tried = FILTERS.map(() => new Uint8Array(row));
  for (let y = 0; y < height; y++) {
    const here = data.subarray(y * row, (y + 1) * row);
    const above = y ? data.subarray((y - 1) * row, y * row) : blackRow;
    FILTERS.forEach((subtract, filter) => subtract(here, above, tried[filter], pixel));
    const sums = tried.map(sumOfSizes);
    const best = sums.indexOf(Math.min(...sums));
    result[y * (row + 1)] = best;
    result.set(tried[best], y * (row + 1) + 1);
  }
  return result;
}

/** The sum of the sizes of differences, which are modulo 256. */
function sumOfSizes(differences) {
  let sum = 0;
  for (let at = 0; at < differences.length; at++) sum += Math.abs((differences[at] << 24) >> 24);
  return sum;
}

/** True if bytes are a PNG file's. */
export const isPng = (bytes) => hasPngSignature(bytes);

/**
 * A PNG file as a picture: its raw samples, whatever its colour profile.
 *
 * @throws {PageError} not a PNG file, damaged, or not a possible container
 */
export function readPng(bytes) {
  if (!isPng(bytes)) throw new PageError("This is not a PNG file.");
  let decoded;
  try {
    decoded = decode(bytes);
  } catch {
    throw new PageError("The PNG file is damaged or cut off.", "Ask the sender for it again, as a file.");
  }
  const { width, height, data, depth, channels, palette } = decoded;
  if (palette || depth < 8) throw nothingOpens(); // as with transparency: it is not what any writer wrote
  const most = 2 ** depth - 1;
  const picture = blank(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const first = channels * pixel;
    if (channels % 2 === 0 && data[first + channels - 1] !== most) throw nothingOpens();
    for (let channel = 0; channel < 3; channel++) {
      picture.data[3 * pixel + channel] = data[first + (channels < 3 ? 0 : channel)] >> (depth - 8);
    }
  }
  return picture;
}

function chunk(type, bytes) {
  const named = join(new TextEncoder().encode(type), bytes);
  return join(u32(bytes.length), named, u32(crc32(named)));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/** CRC of a PNG chunk (ISO/IEC 15948, annex D). */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
