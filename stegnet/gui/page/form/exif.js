/** What a JPEG says besides its picture: segments, EXIF (TIFF 6.0, CIPA DC-008), and where it was taken. */

import { isJpeg } from "./read.js";

export const EXIF = "Exif\0\0";
const MOST_BEFORE = 2 ** 22; // bytes before a JPEG's coded data that are read
const [APP1, SOS, EOI] = [0xe1, 0xda, 0xd9];
const ENTRY = 12; // bytes of a tag in a directory
const [GPS, LATITUDE] = [0x8825, 2];

const places = new WeakMap(); // by file

/** True if a JPEG says in EXIF or XMP where it was taken. @param {File} file */
export function saysPlace(file) {
  if (!places.has(file)) places.set(file, find(file));
  return places.get(file);
}

async function find(file) {
  if (!(await isJpeg(file))) return false;
  return isPlaced(new Uint8Array(await file.slice(0, MOST_BEFORE).arrayBuffer()));
}

function isPlaced(bytes) {
  for (const { marker, content } of segmentsOf(bytes)) {
    if (marker === SOS) break;
    if (marker !== APP1) continue;
    if (begins(content, EXIF) && valueOf(content, [GPS, LATITUDE]) !== null) return true;
    if (new TextDecoder("latin1").decode(content).includes("GPSLatitude")) return true;
  }
  return false;
}

/** Segments with a length in the order of the file, and the end of its picture; it ends earlier at damage. */
export function* segmentsOf(bytes) {
  let at = 2;
  while (at + 2 <= bytes.length) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) return;
    if (marker === EOI) return yield { marker, start: at, end: at + 2, content: new Uint8Array() };
    if (marker === 0xff) at++;
    else if (marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else {
      const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
      yield { marker, start: at, end, content: bytes.subarray(at + 4, end) };
      at = marker === SOS ? codedEnd(bytes, end) : end;
    }
  }
}

/** The end of entropy-coded data: the next marker but restart markers. */
export function codedEnd(bytes, start) {
  let at = start;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return bytes.length;
    const next = bytes[at + 1];
    if (next && !(next >= 0xd0 && next <= 0xd7)) return at;
    at += 2;
  }
}

/**
 * The value of a tag of EXIF: a short number, or else its four bytes as a number; null if there is none, or it is damaged.
 *
 * @param {Uint8Array} exif content of its segment
 * @param {number[]} path tags of the directories to go through, then the tag
 */
export function valueOf(exif, path) {
  const view = new DataView(exif.buffer, exif.byteOffset + EXIF.length, Math.max(exif.length - EXIF.length, 0));
  try {
    const little = view.getUint16(0) === 0x4949; // "II"
    let at = view.getUint32(4, little);
    for (const [depth, tag] of path.entries()) {
      const count = view.getUint16(at, little);
      const starts = Array.from({ length: count }, (_, entry) => at + 2 + ENTRY * entry);
      const start = starts.find((each) => view.getUint16(each, little) === tag);
      if (start === undefined) return null;
      const isShort = view.getUint16(start + 2, little) === 3;
      if (depth === path.length - 1) return isShort ? view.getUint16(start + 8, little) : view.getUint32(start + 8);
      at = view.getUint32(start + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/** True if bytes begin with a text. */
export const begins = (bytes, text) => [...text].every((letter, at) => bytes[at] === letter.charCodeAt());
