/** A JPEG without what it says of its maker: its picture, colours and orientation stay, as in the program's metadata.py. */

import { begins, EXIF, segmentsOf, valueOf } from "../../page/form/exif.js";

import { join } from "../format/bytes.js";

const [APP0, APP1, APP2, APP14, LAST_APP, COMMENT, EOI] = [0xe0, 0xe1, 0xe2, 0xee, 0xef, 0xfe, 0xd9];
const [ORIENTATION, EXIF_TAGS, COLOURS, INTEROP, INDEX] = [0x112, 0x8769, 0xa001, 0xa005, 1];
const USUAL = 1; // of orientation and colours: not turned, and sRGB
const [ASCII, SHORT, LONG] = [2, 3, 4]; // types of tags (TIFF 6.0)

/** @param {Uint8Array} bytes of a JPEG @returns {Uint8Array} */
export function withoutMetadata(bytes) {
  const parts = [];
  let [from, end, hasExif] = [0, bytes.length, false];
  for (const { marker, start, end: after, content } of segmentsOf(bytes)) {
    if (marker === EOI) end = after; // what follows the picture is left out
    if (marker !== COMMENT && !(marker >= APP0 && marker <= LAST_APP)) continue;
    const isExif = marker === APP1 && begins(content, EXIF);
    const kept = isExif ? (hasExif ? null : exifOf(content)) : shown(marker, content);
    hasExif ||= isExif;
    parts.push(bytes.subarray(from, start));
    if (kept) parts.push(Uint8Array.of(0xff, marker, (kept.length + 2) >> 8, (kept.length + 2) & 0xff), kept);
    from = after;
  }
  return join(...parts, bytes.subarray(from, end));
}

/** Content of a segment that decoders need, without a thumbnail and what a program added; null for others. */
function shown(marker, content) {
  if (marker === APP0 && begins(content, "JFIF\0")) return join(content.subarray(0, 12), new Uint8Array(2));
  if (marker === APP14 && begins(content, "Adobe")) return content.subarray(0, 12);
  return marker === APP2 && begins(content, "ICC_PROFILE\0") ? content : null;
}

/** EXIF that says only how a picture is turned and which colours it has; null if it need not. */
function exifOf(content) {
  const orientation = valueOf(content, [ORIENTATION]) ?? USUAL;
  const colours = valueOf(content, [EXIF_TAGS, COLOURS]) ?? USUAL;
  const index = valueOf(content, [EXIF_TAGS, INTEROP, INDEX]);
  const turned = orientation === USUAL ? [] : [[ORIENTATION, SHORT, 1, orientation]];
  const inner = [[COLOURS, SHORT, 1, colours], ...(index === null ? [] : [[INTEROP, LONG, 1, "next"]])];
  const interop = index === null ? [] : [[[INDEX, ASCII, 4, index]]];
  const directories =
    colours === USUAL ? [turned] : [[...turned, [EXIF_TAGS, LONG, 1, "next"]], inner, ...interop];
  return directories[0].length ? join(new TextEncoder().encode(EXIF), tiff(directories)) : null;
}

/** Directories of tags, each of which has its place in the last tag of the one before. */
function tiff(directories) {
  const sizes = directories.map((entries) => 2 + 12 * entries.length + 4);
  const bytes = new Uint8Array(8 + sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([0x4d, 0x4d, 0, 42, 0, 0, 0, 8]); // "MM": the highest byte first
  let at = 8;
  for (const [number, entries] of directories.entries()) {
    view.setUint16(at, entries.length);
    for (const [place, [tag, type, count, value]] of entries.entries()) {
      const start = at + 2 + 12 * place;
      view.setUint16(start, tag);
      view.setUint16(start + 2, type);
      view.setUint32(start + 4, count);
      if (type === SHORT) view.setUint16(start + 8, value);
      else view.setUint32(start + 8, value === "next" ? at + sizes[number] : value);
    }
    at += sizes[number];
  }
  return bytes;
}
