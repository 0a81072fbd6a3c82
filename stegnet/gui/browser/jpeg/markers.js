/**
 * The parts of a JPEG file, and where they stand (ITU-T T.81, annex B): frames of one component or three, coded by
 * Huffman's method in 8 bits. What follows the picture in its file, as phones append it, is left alone. Metadata may go
 * into another JPEG that is made of its upright pixels.
 */

import { PageError } from "../errors.js";
import { join } from "../format/bytes.js";
import { SIDE, SIZE } from "./tables.js";

const [EOI, SOS, DHT, DQT, DRI, DNL, APP14] = [0xd9, 0xda, 0xc4, 0xdb, 0xdd, 0xdc, 0xee];
const START = [0xff, 0xd8, 0xff];
const PROGRESSIVE = 0xc2;
const HUFFMAN_FRAMES = [0xc0, 0xc1, PROGRESSIVE];
const OTHER_FRAMES = { [0xc3]: "lossless", [0xc5]: "hierarchical", [0xc6]: "hierarchical", [0xc7]: "hierarchical" };
for (const marker of [0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]) OTHER_FRAMES[marker] = "arithmetically coded";
const [ADOBE, RGB] = ["Adobe", "RGB"].map((text) => [...new TextEncoder().encode(text)]);

/**
 * A Huffman table: its number, and 16 more of a table for AC coefficients; where it is in the file; and as in the file,
 * 16 numbers of codes by length, then the symbols.
 *
 * @typedef {{key: number, start: number, body: Uint8Array}} HuffmanTable
 *
 * A component of a frame: sampling factors, number of its quantisation table, and its blocks without those that only fill
 * up an MCU.
 *
 * @typedef {{number: number, across: number, down: number, table: number, rows: number, cols: number}} Component
 *
 * @typedef {object} Scan
 * @property {number[]} components index of each in the frame
 * @property {number[]} dc numbers of their Huffman tables
 * @property {number[]} ac
 * @property {number} first of the coefficients that it codes, in zigzag order
 * @property {number} last
 * @property {number} high bit positions of successive approximation
 * @property {number} low
 * @property {number} interval MCUs between restart markers; 0: none
 * @property {Map<number, HuffmanTable>} tables in force, by key
 * @property {number} start of the data in the file
 * @property {number} end
 *
 * @typedef {object} JpegFile
 * @property {Uint8Array} bytes
 * @property {number} width
 * @property {number} height
 * @property {boolean} progressive
 * @property {Component[]} components
 * @property {Map<number, Uint16Array>} quantisation 64 steps in zigzag order, by number
 * @property {Scan[]} scans
 * @property {{start: number, end: number, tables: HuffmanTable[]}[]} segments of Huffman tables
 * @property {{marker: number, start: number, end: number}[]} applications segments of EXIF, XMP and colour profiles
 */

/** Takes a JPEG file apart. @throws {PageError} it is of no such kind */
export function parseJpeg(bytes) {
  try {
    return new Parser(bytes).parse();
  } catch (error) {
    if (error instanceof RangeError) throw damaged();
    throw error;
  }
}

export const damaged = () => new PageError("The JPEG is damaged or cut off.", "Get it again from its source.");

const unsupported = (what, isRecodable = false) =>
  new PageError(
    `The JPEG ${what}, and can’t stay as it is.`,
    isRecodable
      ? "Make it an ordinary JPEG without loss: `jpegtran -copy all IN.jpg > OUT.jpg`. Or choose a PNG file as the container."
      : "Choose a PNG file as the container, or another cover.",
  );

class Parser {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length); // reads beyond its end are errors
    this.tables = new Map();
    this.interval = 0;
    this.isRgb = false;
    this.file = { bytes, components: [], quantisation: new Map(), scans: [], segments: [], applications: [] };
  }

  parse() {
    if (!this.begins(0, START)) throw damaged();
    for (const [marker, start, end] of this.parts()) {
      if (HUFFMAN_FRAMES.includes(marker)) this.frame(marker, start);
      else if (marker in OTHER_FRAMES) throw unsupported(`is ${OTHER_FRAMES[marker]}`, marker < 0xcb && marker > 0xc8);
      else if (marker === DHT) this.huffman(start, end);
      else if (marker === DQT) this.quantisation(start, end);
      else if (marker === DRI) this.interval = this.view.getUint16(start);
      else if (marker === APP1 || marker === APP2) this.file.applications.push({ marker, start, end });
      else if (marker === APP14) this.isRgb ||= this.begins(start, ADOBE) && this.view.getUint8(start + 11) === 0;
      else if (marker === DNL) throw unsupported("has its height at its end", this.view.getUint16(start) === this.file.height);
    }
    const { components, scans } = this.file;
    if (!scans.length) throw damaged();
    const missing = Array(SIZE).fill(1); // for each coefficient of luma, the number of its lowest bits that no scan has
    for (const scan of scans) if (scan.components.includes(0)) missing.fill(scan.low, scan.first, scan.last + 1);
    if (missing.some(Boolean)) throw unsupported("lacks its last scans", true);
    if (components.length === 3 && (this.isRgb || components.every(({ number }, at) => number === RGB[at])))
      throw unsupported("is in RGB");
    return this.file;
  }

  /** Marker, start and end of the content of each segment, to the end of the picture. */
  *parts() {
    let place = 2;
    for (;;) {
      if (this.view.getUint8(place) !== 0xff) throw damaged();
      while (this.view.getUint8(place) === 0xff) place++;
      const marker = this.bytes[place++];
      if (marker === EOI) return;
      if (marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue; // of two bytes
      const start = place + 2;
      place += this.view.getUint16(place);
      if (place > this.bytes.length) throw damaged();
      yield [marker, start, place];
      if (marker === SOS) {
        const end = this.entropyEnd(place);
        this.scan(start, place, end);
        place = end;
      }
    }
  }

  frame(marker, start) {
    const { file, view } = this;
    const [precision, count] = [view.getUint8(start), view.getUint8(start + 5)];
    [file.height, file.width] = [view.getUint16(start + 1), view.getUint16(start + 3)];
    file.progressive = marker === PROGRESSIVE;
    if (precision !== 8) throw unsupported(`has ${precision} bits a sample`);
    if (count !== 1 && count !== 3) throw unsupported(count === 4 ? "is CMYK" : `has ${count} components`);
    const part = (at) => [0, 1, 2].map((byte) => view.getUint8(start + 6 + 3 * at + byte));
    const parts = Array.from({ length: count }, (_, at) => part(at));
    const factors = parts.map(([, both]) => [both >> 4, both & 15]);
    if (!file.width || !file.height || factors.flat().includes(0)) throw damaged();
    [file.across, file.down] = [0, 1].map((way) => Math.max(...factors.map((each) => each[way])));
    file.components = parts.map(([number, , table], at) => {
      const [across, down] = factors[at];
      const cols = Math.ceil((file.width * across) / (SIDE * file.across));
      return { number, across, down, table, cols, rows: Math.ceil((file.height * down) / (SIDE * file.down)) };
    });
  }

  huffman(start, end) {
    const tables = [];
    for (let place = start; place < end; ) {
      const counts = this.bytes.subarray(place + 1, place + 17);
      const size = counts.reduce((sum, count) => sum + count, 16);
      const table = { key: this.bytes[place], start: place, body: this.bytes.subarray(place + 1, place + 1 + size) };
      if (size > 16 + 256 || table.body.length < size) throw damaged();
      tables.push(table);
      this.tables.set(table.key, table);
      place += 1 + size;
    }
    this.file.segments.push({ start, end, tables });
  }

  quantisation(start, end) {
    for (let place = start; place < end; ) {
      const [wide, number] = [this.view.getUint8(place) >> 4, this.view.getUint8(place) & 15];
      const step = (at) => (wide ? this.view.getUint16(place + 1 + 2 * at) : this.view.getUint8(place + 1 + at));
      this.file.quantisation.set(number, Uint16Array.from({ length: SIZE }, (_, at) => step(at)));
      place += 1 + SIZE * (wide ? 2 : 1);
    }
  }

  scan(start, data, end) {
    const [{ bytes, file }, count] = [this, this.bytes[start]];
    const pairs = Array.from({ length: count }, (_, at) => bytes.subarray(start + 1 + 2 * at, start + 3 + 2 * at));
    const components = pairs.map(([number]) => file.components.findIndex((each) => each.number === number));
    const [first, last, bits] = bytes.subarray(start + 1 + 2 * count, start + 4 + 2 * count);
    if (components.includes(-1) || !count || first > last || last >= SIZE) throw damaged();
    const [dc, ac] = [pairs.map(([, both]) => both >> 4), pairs.map(([, both]) => both & 15)];
    const approximation = { high: bits >> 4, low: bits & 15 };
    const state = { interval: this.interval, tables: new Map(this.tables) };
    file.scans.push({ components, dc, ac, first, last, ...approximation, ...state, start: data, end });
  }

  /** The end of entropy-coded data: the next marker but restart markers. */
  entropyEnd(place) {
    for (;;) {
      place = this.bytes.indexOf(0xff, place);
      const next = place < 0 ? this.view.getUint8(-1) : this.view.getUint8(place + 1);
      if (next && !(next >= 0xd0 && next <= 0xd7)) return place;
      place += 2;
    }
  }

  begins = (start, bytes) => bytes.every((byte, at) => this.bytes[start + at] === byte);
}

const [APP1, APP2] = [0xe1, 0xe2];
const [EXIF, PROFILE] = ["Exif\0\0", "ICC_PROFILE\0"];
const [ORIENTATION, UPRIGHT] = [0x112, 1];
const ENTRY = 12; // bytes of a tag in a directory (TIFF 6.0)

/**
 * A JPEG with the metadata of another, behind its first segment (JFIF).
 *
 * @param {Uint8Array} bytes of `encodeJpeg`
 * @param {boolean} hasProfile false if the other's colour profile is for colours, and this one is grey
 */
export function withMetadata(bytes, from, hasProfile) {
  const wanted = from.applications.flatMap(({ marker, start, end }) => {
    const content = from.bytes.slice(start, end);
    const begins = (name) => [...name].every((letter, at) => content[at] === letter.charCodeAt());
    if (marker === APP1 && begins(EXIF)) return isMadeUpright(content) ? [[marker, content]] : [];
    return marker === APP2 && hasProfile && begins(PROFILE) ? [[marker, content]] : [];
  });
  const [exif] = wanted.filter(([marker]) => marker === APP1);
  const kept = wanted.filter((each) => each === exif || each[0] === APP2); // the first EXIF counts
  const segments = kept.map(([marker, content]) => {
    const length = content.length + 2;
    return join([0xff, marker, length >> 8, length & 0xff], content);
  });
  const place = 4 + ((bytes[4] << 8) | bytes[5]);
  return join(bytes.subarray(0, place), ...segments, bytes.subarray(place));
}

/** Sets the orientation in EXIF to upright, without the thumbnail if it was another; returns false if it is damaged. */
function isMadeUpright(exif) {
  const view = new DataView(exif.buffer, EXIF.length);
  try {
    const little = view.getUint16(0) === 0x4949; // "II"
    const directory = view.getUint32(4, little);
    const end = directory + 2 + ENTRY * view.getUint16(directory, little);
    for (let at = directory + 2; at < end; at += ENTRY) {
      if (view.getUint16(at, little) !== ORIENTATION || view.getUint16(at + 8, little) === UPRIGHT) continue;
      view.setUint16(at + 8, UPRIGHT, little);
      view.setUint32(end, 0, little); // where the next directory is, the thumbnail's
    }
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
