/** Capacity of a cover, before anything is hidden. */

import { size } from "../../page/elements.js";

import { JPEG } from "../../page/constants.js";
import { channelOf, choosePoint, sentSize, usualCapacity } from "../codec/channels.js";
import { isTooFine, makeJpegCapacity, securityOf } from "../codec/jpeg.js";
import { storedName } from "../codec/sealed.js";
import { conditionOf, securityOfPicture } from "../codec/secure_payload.js";
import { PageError } from "../errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../format/content.js";
import { readJpeg } from "../jpeg/coefficients.js";
import { CHANNELS, evidenceOf, sealedCapacity } from "./jobs.js";

const WHOLE = "The secret fits as it is, byte for byte.";
export const EASY = "Easy to find. "; // by whatever is not hidden byte for byte, or in a cover with a lossy past
const ANEW = `The cover can’t stay the JPEG that it is, since ${JPEG.TOO_FINE}: it becomes a JPEG made anew; ${JPEG.TOO_FINE_WAY_OUT}.`;

/** As of the page's backend. */
export async function forecast(cover, secret, { suffix, safe }) {
  const { isTransparent: turnsOpaque } = cover;
  if (suffix === ".jpg") return jpegForecast(cover, secret, safe);
  const evidence = await evidenceOf(cover);
  return { text: pngForecast(cover, secret, evidence, safe), history: evidence.proof, turnsOpaque };
}

/** Effect of a PNG file on the secret. */
function pngForecast(cover, secret, evidence, safe) {
  const { bitmap, channels } = cover;
  const most = sealedCapacity(cover, secret);
  const remedy = channels > 1 ? "Use a larger cover." : "Use a larger cover, or one in colour.";
  const security = securityOfPicture({ width: bitmap.width, height: bitmap.height, channels }, evidence);
  return fits(secret, most, remedy, { ...security, condition: conditionOf(cover) }, safe);
}

const jpegs = new WeakMap(); // what is known of covers, whose coefficients would fill the memory

/** Effect of a JPEG that stays one on the secret. */
async function jpegForecast(cover, secret, safe) {
  const { file } = cover;
  try {
    if (!jpegs.has(file)) {
      const jpeg = readJpeg(new Uint8Array(await file.arrayBuffer()));
      const isMade = isTooFine(jpeg);
      jpegs.set(file, { capacity: makeJpegCapacity(jpeg), security: securityOf(jpeg, isMade), anew: isMade ? ANEW : "" });
    }
    const { capacity, security, anew } = jpegs.get(file);
    const most = capacity(storedName(secret.name));
    const judged = { ...security, condition: conditionOf(cover) };
    const text = fits(secret, most, "Use a larger JPEG, or a PNG file.", judged, safe);
    return { text, history: security.history, anew };
  } catch (error) {
    if (error instanceof PageError) return { text: `${error.message} ${error.hint}` };
    throw error;
  }
}

/**
 * Effect of a channel on the secret, by its usual capacity.
 *
 * @param {object[]} points the modem's
 * @param {boolean} canCopy a picture that is too large is hidden as a copy
 */
export function survivingForecast(cover, secret, { destination }, points, canCopy) {
  const { isTransparent: turnsOpaque } = cover;
  const name = CHANNELS[destination];
  const channel = channelOf(name);
  const sent = sentSize(channel, cover.bitmap);
  const most = usualCapacity(name, choosePoint(points, channel), sent);
  const isReduced = sent.width < cover.bitmap.width; // then a larger cover holds no more
  const remedy = isReduced ? "Hide less, or send it as a file." : "Use a larger cover.";
  return { text: `${EASY}Capacity: about ${amount(most)}. ${expected(secret, most, canCopy, remedy)}`, turnsOpaque };
}

function expected({ name, file, bitmap }, most, canCopy, remedy) {
  if (fileBytes(name, file.size) <= most) return WHOLE;
  if (!bitmap || !canCopy) return `The secret is too large. ${remedy}`;
  const bytes = most - HEAD_BYTES - PICTURE_BYTES;
  if (bytes <= 0) return `No picture fits. ${remedy}`;
  return "A compressed copy of the secret is hidden, if that fits.";
}

/** @param {boolean} [safe] hide only what is hard to find */
export function fits({ file }, capacity, remedy, security = null, safe = false) {
  const hard = security ? Math.min(security.hard ?? 0, capacity) : capacity;
  const found = hard > 0 ? `, at most ${amount(hard)} of it hard to find` : ", all of it easy to find";
  const known = `Capacity: about ${amount(Math.max(capacity, 0))}${security && capacity > 0 ? found : ""}.`;
  if (file.size > (safe ? hard : capacity)) return `${known} The secret is too large. ${remedy}`;
  return `${security ? verdictOf(file.size, hard, security.condition) : ""}${known} ${WHOLE}`;
}

/** How easily so many bytes are found, as a sentence before another. */
function verdictOf(bytes, hard, condition) {
  if (hard <= 0) return EASY;
  return bytes <= hard ? `Hard to find, if ${condition}. ` : "Not hard to find. ";
}

/** A number of bytes that fit, with two digits, rounded down. */
export function amount(bytes) {
  const unit = bytes < 1000 ? 1 : 10 ** (Math.floor(Math.log10(bytes)) - 1);
  return size(Math.floor(bytes / unit) * unit);
}
