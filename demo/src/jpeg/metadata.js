/** Metadata of a JPEG that goes into another, made of its upright pixels: EXIF and the colour profile. */

import { join } from "../format/bytes.js";

export const [APP1, APP2] = [0xe1, 0xe2];
const [EXIF, PROFILE] = ["Exif\0\0", "ICC_PROFILE\0"];
const [ORIENTATION, UPRIGHT] = [0x112, 1];
const ENTRY = 12; // bytes of a tag in a directory (TIFF 6.0)

/**
 * A JPEG with the metadata of another, behind its first segment (JFIF).
 *
 * @param {Uint8Array} bytes of `encodeJpeg`
 * @param {import("./markers.js").JpegFile} from
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
