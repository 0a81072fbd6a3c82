/** PNG files are read sample by sample: a canvas may convert colours (Portable Network Graphics, 3rd edition). */

import { nothingOpens, PageError } from "./errors.js";
import { inflate, join } from "./format/bytes.js";
import { blank } from "./picture.js";

export const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // by the colour type
const PALETTE = 3;
const MOST_SAMPLES = 2 ** 31 - 1;
const WHOLE = [[0, 0, 1, 1]];
/** Of Adam7's passes, first column and row, and steps. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** True if bytes are a PNG file's. */
export const isPng = (bytes) => SIGNATURE.every((byte, at) => bytes[at] === byte);

/**
 * A PNG file as a picture: its raw samples, whatever its colour profile.
 *
 * @throws {PageError} not a PNG file, damaged, or not a possible container
 */
export async function readPng(bytes) {
  if (!isPng(bytes)) throw new PageError("This is not a PNG file.");
  try {
    return await decoded(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PageError("The PNG file is damaged or cut off.", "Ask the sender for it again, as a file.");
  }
}

/** @throws {RangeError} the file is damaged, also if a view of its bytes ends too early */
async function decoded(bytes) {
  const { head, data } = chunksOf(bytes);
  const [width, height] = [head.getUint32(0), head.getUint32(4)];
  const [depth, type, , , interlace] = [8, 9, 10, 11, 12].map((at) => head.getUint8(at));
  const channels = CHANNELS[type];
  require(width > 0 && height > 0 && channels && interlace < 2 && width * height * channels <= MOST_SAMPLES);
  if (type === PALETTE || depth < 8) throw nothingOpens(); // as with transparency: it is not what any writer wrote
  require(depth === 8 || depth === 16);

  const stride = (channels * depth) / 8; // bytes of a pixel
  const passes = (interlace ? ADAM7 : WHOLE)
    .map(([left, top, across, down]) => {
      const [cols, rows] = [Math.ceil((width - left) / across), Math.ceil((height - top) / down)];
      return { left, top, across, down, cols: Math.max(cols, 0), rows: cols > 0 ? Math.max(rows, 0) : 0 };
    });
  const flat = await inflate(data, passes.reduce((sum, { rows, cols }) => sum + rows * (1 + stride * cols), 0));
  const picture = blank(width, height);
  let start = 0;
  for (const pass of passes) {
    unfilter(flat, start, pass.rows, stride * pass.cols, stride);
    place(flat, start, pass, { channels, size: depth / 8 }, picture);
    start += pass.rows * (1 + stride * pass.cols);
  }
  return picture;
}

/** The header, and the compressed data, of all chunks of which it consists. */
function chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [IHDR, IDAT, IEND] = [0x49484452, 0x49444154, 0x49454e44];
  const parts = [];
  let head = null;
  for (let at = 8; ; ) {
    const [length, kind] = [view.getUint32(at), view.getUint32(at + 4)];
    require(at + 12 + length <= bytes.length && (head !== null) === (kind !== IHDR));
    if (kind === IHDR) head = new DataView(bytes.buffer, bytes.byteOffset + at + 8, length);
    if (kind === IDAT) parts.push(bytes.subarray(at + 8, at + 8 + length));
    if (kind === IEND) return { head, data: join(...parts) };
    at += 12 + length;
  }
}

/** Undoes the filters of the rows of a pass (9.2), in place. */
function unfilter(flat, start, rows, size, stride) {
  for (let row = 0, at = start; row < rows; row++, at += size) {
    const filter = flat[at++];
    require(filter < 5);
    const above = row > 0 ? at - size - 1 : -1;
    if (filter === 0 || (filter === 2 && above < 0)) continue;
    for (let x = 0; x < size; x++) {
      const left = x < stride ? 0 : flat[at + x - stride];
      const up = above < 0 ? 0 : flat[above + x];
      if (filter === 1) flat[at + x] += left;
      else if (filter === 2) flat[at + x] += up;
      else if (filter === 3) flat[at + x] += (left + up) >> 1;
      else flat[at + x] += paeth(left, up, above < 0 || x < stride ? 0 : flat[above + x - stride]);
    }
  }
}

function paeth(left, up, corner) {
  const [across, down, both] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (across <= down && across <= both) return left;
  return down <= both ? up : corner;
}

/** Places the pixels of a pass; of 16 bits, the higher 8. @throws {PageError} one is transparent */
function place(flat, start, { left, top, across, down, cols, rows }, { channels, size }, { width, data }) {
  const isGrey = channels < 3;
  const hasAlpha = channels % 2 === 0;
  for (let row = 0, from = start; row < rows; row++) {
    from++;
    for (let col = 0; col < cols; col++, from += channels * size) {
      for (let byte = 1; hasAlpha && byte <= size; byte++) {
        if (flat[from + channels * size - byte] !== 255) throw nothingOpens();
      }
      const to = 3 * ((top + row * down) * width + left + col * across);
      for (let channel = 0; channel < 3; channel++) data[to + channel] = flat[from + (isGrey ? 0 : channel * size)];
    }
  }
}

function require(holds) {
  if (!holds) throw new RangeError("not a whole PNG file");
}
