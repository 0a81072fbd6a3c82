/** Capacity of a cover, before anything is hidden. */

import { size } from "@page/elements.js";

import { channelOf, choosePoint, sentSize, usualCapacity } from "../codec/channels.js";
import { JPEG } from "../../../stegnet/gui/page/constants.js";
import { isTooFine, makeJpegCapacity, securityOf } from "../../../stegnet/gui/browser/codec/jpeg.js";
import { fileCapacity, storedName } from "../../../stegnet/gui/browser/codec/sealed.js";
import { conditionOf, securityOfPicture } from "../../../stegnet/gui/browser/codec/secure_payload.js";
import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../../../stegnet/gui/browser/format/content.js";
import { readJpeg } from "../../../stegnet/gui/browser/jpeg/coefficients.js";
import { MODEM } from "../network/card.js";
import { CHANNELS, evidenceOf, hidingJob, sealedCapacity } from "./jobs.js";

const LOSSY_FILM = "a film that was compressed with loss"; // as all are that browsers play, but for few
const WHOLE = "The secret fits as it is, byte for byte.";
const COPY = "The secret is too large to be hidden byte for byte: a network hides a copy of it.";
const EASY = "Easy to find. "; // by whatever is not hidden byte for byte, or in a cover with a lossy past
const ANEW = `The cover can’t stay the JPEG that it is, since ${JPEG.TOO_FINE}: it becomes a JPEG made anew.`;
const LEAST_RATE = 24; // frames per second of a film, if not fewer

/** As of the page's backend. */
export async function forecast(cover, secret, container) {
  const { destination, safe } = container;
  const { isTransparent: turnsOpaque } = cover;
  if (cover.film) return { text: filmForecast(cover, secret), history: cover.film.seconds ? LOSSY_FILM : null };
  if (destination in CHANNELS) return { text: channelForecast(CHANNELS[destination], cover, secret), turnsOpaque };
  const job = hidingJob(cover, secret, container);
  if (job === "jpeg") return jpegForecast(cover, secret, safe);
  const evidence = await evidenceOf(cover);
  return { text: pngForecast(job, cover, secret, evidence, safe), history: evidence.proof, turnsOpaque };
}

/** Effect of a PNG file on the secret. */
function pngForecast(job, cover, secret, evidence, safe) {
  const { bitmap, channels } = cover;
  const most = sealedCapacity(cover, secret);
  if (job === "hide") return most > 0 ? `${EASY}Capacity: about ${amount(most)}. ${COPY}` : "";
  const remedy = channels > 1 ? "Use a larger cover, or a film." : "Use a larger cover, or one in colour.";
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

/** Effect of a film on the secret. */
function filmForecast(cover, secret) {
  if (!cover.film.seconds) return "";
  const frames = Math.floor(LEAST_RATE * cover.film.seconds);
  const most = fileCapacity({ ...cover.film, frames }, storedName(secret.name));
  return fits(secret, most, "Use a longer or larger film.");
}

/** @param {boolean} [safe] hide only what is hard to find */
function fits({ file }, capacity, remedy, security = null, safe = false) {
  const hard = Math.min(security?.hard ?? Infinity, capacity);
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

/** Usual capacity of a cover through a channel, and the effect on the secret. @param {string} name of a channel */
function channelForecast(name, cover, secret) {
  const channel = channelOf(name);
  try {
    const most = usualCapacity(name, choosePoint(MODEM.points, channel), sentSize(channel, cover.bitmap));
    return `${EASY}Capacity: about ${roughly(most)} bytes. ${expected(secret, most)}`;
  } catch (error) {
    if (error instanceof PageError) return error.message;
    throw error;
  }
}

function expected({ name, file, bitmap }, most) {
  if (fileBytes(name, file.size) <= most) return WHOLE;
  if (!bitmap) return "The secret is too large. Use a larger cover.";
  const bytes = most - HEAD_BYTES - PICTURE_BYTES;
  if (bytes <= 0) return "No picture fits. Use a larger cover.";
  return "A compressed copy of the secret is hidden, if that fits.";
}

/** A number of bytes that fit, with two digits, rounded down. */
function amount(bytes) {
  const unit = bytes < 1000 ? 1 : 10 ** (Math.floor(Math.log10(bytes)) - 1);
  return size(Math.floor(bytes / unit) * unit);
}

/** Two digits of a number. */
const roughly = (count) => Number(count.toPrecision(2)).toLocaleString("en");
