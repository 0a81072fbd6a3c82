/** Secrets made to fit into a robust container: a file as it is, or a picture at the best scale and quality. */

import { BARE_AVIF, CONTENT } from "../../page/constants.js";
import {
  fileBytes,
  fileContent,
  fromBare,
  HEAD_BYTES,
  MOST_SIDE,
  PICTURE_BYTES,
  pictureContent,
  scaledSide,
  toBare,
} from "../format/content.js";
import { PageError } from "../errors.js";
import { psnr } from "../picture.js";
import { resize } from "../resize.js";

const { LOWEST, HIGHEST } = BARE_AVIF; // quality
const { FULL_RATE, PER_OCTAVE, SMALLEST } = CONTENT;
const REACHES = [CONTENT.REACH, 1]; // steps between the scales tried
const [SLOW, , FAST] = CONTENT.SPEEDS; // to find the scale, and to code the picture, up to 1 dB better
const LARGE = 1 << 17; // pixels above which only the faster one is used
const [GUESS, LEAP] = [50, 6]; // quality that is tried first, and distance of the next ones until one fits

/**
 * A secret: its file, and the picture in it, if there is one.
 *
 * @typedef {{name: string, bytes: Uint8Array, picture: import("../picture.js").Picture | null}} Secret
 *
 * A secret that fits.
 *
 * @typedef {{content: Uint8Array, isWhole: boolean, bytes: number, psnr: number}} FittedSecret isWhole: the file as it is;
 *   bytes: of the file or the coded picture; psnr: in dB of the revealed picture
 */

/**
 * Content of at most `capacity` bytes: the file as it is, or else a copy of the picture, if it can be coded.
 *
 * @throws {PageError} it does not fit
 */
export async function fitSecret({ name, bytes, picture }, capacity, avif) {
  const needed = fileBytes(name, bytes.length);
  if (needed <= capacity) {
    return { content: fileContent(name, bytes), isWhole: true, bytes: bytes.length, psnr: Infinity };
  }
  if (picture && avif.encode) return fittedPicture(picture, capacity, avif);
  throw new PageError(
    `${name} needs ${needed.toLocaleString("en")} bytes, more than the capacity of ${Math.max(capacity, 0).toLocaleString("en")}.`,
    picture ? "Use a smaller picture or a larger cover; the program makes a copy that fits." : "Use a smaller file, or a larger cover.",
  );
}

/** Climbs to the scale that gives the best picture. */
async function fittedPicture(picture, capacity, avif) {
  const most = capacity - HEAD_BYTES - PICTURE_BYTES;
  const tried = [];
  let guess = GUESS;
  const at = async (scale) => {
    tried[scale] ??= await codedAt(picture, scale, most, FAST, guess, avif);
    guess = tried[scale].quality;
    return tried[scale];
  };
  const rate = (8 * Math.max(most, 1)) / (picture.width * picture.height);
  let scale = Math.min(Math.max(Math.round(PER_OCTAVE * Math.log2(FULL_RATE / rate)), 0), SMALLEST); // usually the best
  while (!(await at(scale)).coded && scale < SMALLEST) scale++;
  for (const reach of REACHES) {
    for (let last = -1; last !== scale; ) {
      last = scale;
      for (const near of [scale - reach, scale + reach]) {
        if (near >= 0 && near <= SMALLEST && (await at(near)).psnr > (await at(scale)).psnr) scale = near;
      }
    }
  }
  let best = await at(scale);
  if (scaledSide(picture.width, scale) * scaledSide(picture.height, scale) <= LARGE) {
    const slow = await codedAt(picture, scale, most, SLOW, best.quality, avif);
    if (slow.psnr > best.psnr) best = slow;
  }
  const { coded, psnr } = best;
  if (!coded || Math.max(picture.width, picture.height) > MOST_SIDE) {
    throw new PageError("This cover is too small for a picture.", "Use a larger cover.");
  }
  return { content: pictureContent(picture, scale, coded), isWhole: false, bytes: coded.length, psnr };
}

/** A picture at a scale, of the best quality that fits; null and −1 dB if none does. @param {number} guess a quality */
async function codedAt(picture, scale, most, speed, guess, avif) {
  const [width, height] = [picture.width, picture.height].map((side) => scaledSide(side, scale));
  const small = resize(picture, width, height);
  let [coded, fits, tooLarge] = [null, LOWEST - 1, HIGHEST + 1];
  for (let quality = guess; tooLarge - fits > 1; quality = between(fits, tooLarge)) {
    const bare = toBare(await avif.encode(small, quality, speed));
    if (bare.length > most) tooLarge = quality;
    else [coded, fits] = [bare, quality];
  }
  if (!coded) return { coded, psnr: -1, quality: LOWEST };
  const back = await fromBare(coded, width, height, avif);
  return { coded, psnr: psnr(picture, resize(back, picture.width, picture.height)), quality: fits };
}

/** The quality to try between one that fits and one that does not, either of which may not be known yet. */
function between(fits, tooLarge) {
  if (fits < LOWEST) return Math.max(tooLarge - LEAP, LOWEST);
  if (tooLarge > HIGHEST) return Math.min(fits + LEAP, HIGHEST);
  return Math.floor((fits + tooLarge) / 2);
}
