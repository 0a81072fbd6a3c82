/** The lossy format of a file, which a container without loss shows. */

import { LOSSY_FORMATS } from "../../page/constants.js";

const { HEIC, LOSSY, LOSSY_WEBP } = LOSSY_FORMATS;

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
