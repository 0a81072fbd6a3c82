/** Films as the page shows them. How they are read and written is the worker's matter. */

import { make } from "../elements.js";

const EBML = [0x1a, 0x45, 0xdf, 0xa3]; // Matroska and WebM
const [SYNC, PACKET] = [0x47, 188]; // of a transport stream (ISO/IEC 13818-1)
const STILL_BRANDS = /^(avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)$/;

/**
 * True if a file is a film, by its name or its first bytes: ISO media but for still pictures, Matroska, AVI, or a
 * transport stream.
 *
 * @param {File} file
 */
export async function isFilm(file) {
  if (file.type.startsWith("video/")) return true; // as the browser concludes from the name
  const bytes = new Uint8Array(await file.slice(0, PACKET + 1).arrayBuffer());
  const [start, box, brand] = [0, 4, 8].map((at) => String.fromCharCode(...bytes.subarray(at, at + 4)));
  if (box === "ftyp") return !STILL_BRANDS.test(brand);
  if (bytes[0] === SYNC && bytes[PACKET] === SYNC) return true;
  return EBML.every((byte, at) => bytes[at] === byte) || (start === "RIFF" && brand === "AVI ");
}

const HEAD = 1 << 20; // bytes, in which a PNG says that it moves

/**
 * True for an animation of more than one picture: a GIF or PNG, which the program takes for a film, or a WebP or AVIF,
 * in which it hides nothing.
 *
 * @param {File} file
 */
export async function isAnimation(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 4) === "GIF8") return isMovingGif(new Uint8Array(await file.arrayBuffer()));
  if (text(0, 4) === "RIFF" && text(8, 16) === "WEBPVP8X") return (bytes[20] & 2) !== 0; // RFC 9649, 2.7
  if (text(4, 8) === "ftyp") return text(8, 12) === "avis";
  return text(1, 4) === "PNG" && isMovingPng(new DataView(bytes.buffer));
}

/** True if a second image follows the first (GIF89a, 17 to 25). */
function isMovingGif(bytes) {
  const colours = (packed) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0); // bytes of a colour table
  let [at, images] = [13 + colours(bytes[10]), 0];
  while (at < bytes.length && bytes[at] !== 0x3b) {
    if (bytes[at] === 0x2c && ++images === 2) return true;
    at += bytes[at] === 0x2c ? 11 + colours(bytes[at + 9]) : 2; // a descriptor, or an extension's label
    while (bytes[at]) at += bytes[at] + 1;
    at++;
  }
  return false;
}

/** True if an acTL chunk before the pixels counts several frames (Portable Network Graphics, 3rd edition, 11.3.6). */
function isMovingPng(view) {
  const [ACTL, IDAT] = [0x6163544c, 0x49444154];
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    const kind = view.getUint32(at + 4);
    if (kind === ACTL || kind === IDAT) return kind === ACTL && view.getUint32(at + 8) > 1;
  }
  return false;
}

/**
 * A film's first frame, and its size and duration; null if this browser can't play it.
 *
 * @param {Blob} file
 * @returns {Promise<{bitmap: ImageBitmap | null, width: number, height: number, seconds: number} | null>} bitmap: null
 *   if the browser has let go of the frame again, as it may while it is busy
 */
export async function preview(file) {
  const src = URL.createObjectURL(file);
  const video = make("video", { muted: true, playsInline: true, preload: "auto", src });
  try {
    const loaded = await new Promise((resolve) => {
      video.onloadeddata = () => resolve(video.videoWidth > 0);
      video.onerror = () => resolve(false);
    });
    if (!loaded) return null;
    const { videoWidth: width, videoHeight: height, duration: seconds } = video;
    const bitmap = await createImageBitmap(video).catch(() => null);
    return { bitmap, width, height, seconds };
  } finally {
    video.removeAttribute("src");
    video.load(); // what it still loads is not looked for any more
    URL.revokeObjectURL(src);
  }
}

/** A player of a film. @param {string} src its address */
export function player(src, label) {
  const video = make("video", { src, controls: true, playsInline: true, "aria-label": label });
  const unplayable = "This browser can’t play this film: download it, and play it elsewhere.";
  const giveUp = () => video.replaceWith(make("p", { className: "note" }, unplayable));
  video.onerror = giveUp;
  video.onloadedmetadata = () => video.videoWidth || giveUp(); // only its sound can be played
  return video;
}
