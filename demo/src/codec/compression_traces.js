/** Traces in a cover that becomes a PNG file, of lossy compression above all, as stegnet/media/compression_traces.py finds them. */

import { TRACES } from "../constants.js";
import { COSINES } from "../jpeg/blocks.js";
import { fromYcc } from "../jpeg/libjpeg.js";
import { SIDE as BLOCK } from "../jpeg/tables.js";

const { COPY, ENOUGH, FEW, FLAT, FREQUENCIES, HEIC, LOOKED_AT, LOSSY, LOSSY_WEBP, MOSTLY } = TRACES;
const { NEARLY_ALL, PERIODIC, SIDE, STEPS, WEBP } = TRACES;
const LEVELS = 256;
const pause = () => new Promise((resolve) => setTimeout(resolve)); // so that the page stays responsive

/** The lossy format of a file, such as "a JPEG"; null if it is none. */
export function lossyFormat(bytes) {
  const text = (start, end) => String.fromCharCode(...bytes.subarray(start, end));
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return LOSSY.JPEG;
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return isLossyWebp(bytes, text) ? LOSSY_WEBP : null;
  if (text(4, 8) !== "ftyp") return null;
  const [brand, brands] = [text(8, 12), text(8, Math.min(viewOf(bytes).getUint32(0), 4096))];
  if (/avi[fs]/.test(brands)) return LOSSY.AVIF;
  return HEIC.includes(brand) ? LOSSY.HEIF : null;
}

const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** True if the first picture is coded by VP8, not VP8L (RFC 9649). */
function isLossyWebp(bytes, text) {
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = text(at, at + 4);
    if (name === "VP8 " || name === "VP8L") return name === "VP8 ";
    const size = view.getUint32(at + 4, true);
    at += 8 + (name === "ANMF" ? 16 : size + (size % 2)); // a frame's header has 16 bytes, then come its own chunks
  }
  return false;
}

/** The earlier form of a picture without loss, if it shows, or words for one that is mostly flat. */
export async function pictureHistory(picture) {
  if (isFlat(picture)) return FLAT;
  const colours = coloursIn(picture);
  for (const [name, coloursOf] of Object.entries(DECODERS)) {
    const given = await (decoders[name] ??= decoderColours(coloursOf));
    let count = 0;
    for (const colour of colours) count += (given[colour >> 3] >> (colour & 7)) & 1;
    if (colours.size >= FEW && count / colours.size >= NEARLY_ALL) return COPY;
  }
  return (await hasGrid(picture)) ? COPY : null;
}

/** True if most pixels equal the next one in their row. */
function isFlat({ width, height, data }) {
  let [equal, count] = [0, 0];
  const apart = Math.ceil((width * height) / LOOKED_AT);
  for (let y = 0; y < height; y += apart) {
    count += width - 1;
    for (let at = 3 * y * width; at < 3 * ((y + 1) * width - 1); at += 3) {
      if (data[at] === data[at + 3] && data[at + 1] === data[at + 4] && data[at + 2] === data[at + 5]) equal++;
    }
  }
  return equal > MOSTLY * count;
}

/** Numbers of the colours of some rows, without greys. */
function coloursIn({ width, height, data }) {
  const [found, apart] = [new Set(), Math.ceil((width * height) / LOOKED_AT)];
  for (let y = 0; y < height; y += apart) {
    for (let at = 3 * y * width; at < 3 * (y + 1) * width; at += 3) {
      const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
      if (red !== green || green !== blue) found.add((red << 16) | (green << 8) | blue);
    }
  }
  return found;
}

const decoders = {}; // their colours, by name

/** Colours that a decoder gives, a bit for each: 65536 red + 256 green + blue. */
async function decoderColours(coloursOf) {
  const given = new Uint8Array(2 ** 24 / 8);
  for (let luma = 0; luma < LEVELS; luma++) {
    const colours = coloursOf(luma);
    for (let at = 0; at < colours.length; at += 3) {
      given[(colours[at] << 13) | (colours[at + 1] << 5) | (colours[at + 2] >> 3)] |= 1 << (colours[at + 2] & 7);
    }
    if (luma % 16 === 0) await pause();
  }
  return given;
}

/** All pairs of chroma: Cb and Cr, or U and V. */
const [BLUE, RED] = [8, 0].map((shift) => Uint8Array.from({ length: LEVELS ** 2 }, (_, pair) => pair >> shift));

/** The colours of a decoder for a value of luma with all pairs of chroma: red, green, blue. */
const DECODERS = {
  jpeg: (luma) => fromYcc([new Uint8Array(LEVELS ** 2).fill(luma), BLUE, RED].map((samples) => ({ samples }))).data,
  webp(luma) {
    const [base, colours] = [(luma * WEBP.luma) >> 8, new Uint8ClampedArray(3 * LEVELS ** 2)];
    for (let pair = 0; pair < LEVELS ** 2; pair++) {
      const [u, v] = [BLUE[pair], RED[pair]];
      const green = base - ((u * WEBP.u_to_green) >> 8) - ((v * WEBP.v_to_green) >> 8) + WEBP.green;
      colours[3 * pair] = (base + ((v * WEBP.v_to_red) >> 8) - WEBP.red) >> 6;
      colours[3 * pair + 1] = green >> 6;
      colours[3 * pair + 2] = (base + ((u * WEBP.u_to_blue) >> 8) - WEBP.blue) >> 6;
    }
    return colours;
  },
};

/** True if the middle of a picture has blocks whose low frequencies were quantised. */
async function hasGrid(picture) {
  const luma = middle(picture);
  for (let offset = 0; offset < BLOCK ** 2; offset++) {
    if (isQuantised(luma, offset % BLOCK, offset >> 3)) return true;
    await pause();
  }
  return false;
}

/** Luma of the middle of a picture, up to SIDE pixels square. */
function middle({ width, height, data }) {
  const [across, down] = [width, height].map((side) => Math.min(side, SIDE));
  const [left, top] = [width, height].map((side) => Math.max(0, side - SIDE) >> 1);
  const samples = new Float64Array(across * down);
  for (let pixel = 0; pixel < samples.length; pixel++) {
    const at = 3 * ((top + Math.floor(pixel / across)) * width + left + (pixel % across));
    samples[pixel] = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
  }
  return { width: across, height: down, samples };
}

/** True if two frequencies of the blocks from a corner on are multiples of a step. */
function isQuantised({ width, height, samples }, left, top) {
  const [cols, rows] = [Math.floor((width - left) / BLOCK), Math.floor((height - top) / BLOCK)];
  const values = FREQUENCIES.map(() => new Float64Array(cols * rows));
  const sums = new Float64Array(BLOCK); // of the columns of a block, at one vertical frequency
  for (let block = 0; block < cols * rows; block++) {
    const start = (top + BLOCK * Math.floor(block / cols)) * width + left + BLOCK * (block % cols);
    FREQUENCIES.forEach(([vertical, horizontal], index) => {
      sums.fill(0);
      for (let place = 0; place < BLOCK ** 2; place++) {
        sums[place & 7] += samples[start + (place >> 3) * width + (place & 7)] * COSINES[BLOCK * vertical + (place >> 3)];
      }
      values[index][block] = Math.abs(sums.reduce((sum, each, at) => sum + each * COSINES[BLOCK * horizontal + at], 0));
    });
  }
  return values.filter((each) => STEPS.some((step) => isStep(each, step))).length >= 2;
}

/** True if those values that are not nearest to 0 are near multiples of a step, of three and more. */
function isStep(values, step) {
  let [count, sum] = [0, 0];
  const multiples = new Set();
  for (const value of values) {
    if (value <= step / 2) continue;
    count++;
    sum += Math.cos((2 * Math.PI * value) / step);
    multiples.add(Math.round(value / step));
  }
  return count >= ENOUGH && sum / count >= PERIODIC && multiples.size > 2;
}
