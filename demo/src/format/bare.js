/**
 * AVIF without its container: the AV1 data of one 4:4:4 picture, from which the file can be rebuilt.
 *
 * A file's boxes (ISO/IEC 14496-12 and 23008-12, AVIF 1.1) take 275 bytes, which is much where a picture has 400.
 */

import { BARE_AVIF } from "../constants.js";
import { join, u32 } from "./bytes.js";

const { COLOURS, ESSENTIAL } = BARE_AVIF;
const AV1 = new Map(BARE_AVIF.AV1); // by bits of a sample
const text = new TextEncoder();

/** The AV1 data of a file with one picture. @param {Uint8Array} file */
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
