/** Room of a cover, before anything is hidden. */

import { size } from "@page/elements.js";

import { channelOf, chooseRung, sentSize, usualQuality, usualRoom } from "../codec/channel.js";
import { fileRoom, storedName } from "../codec/embed.js";
import { isTooFine, makeJpegRoom, securityOf } from "../codec/jpeg.js";
import { securityOfPicture } from "../codec/secure.js";
import { PageError } from "../errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../format/content.js";
import { readJpeg } from "../jpeg/coefficients.js";
import { MODEM } from "../network/card.js";
import { historyOf } from "./history.js";
import { hidingJob } from "./jobs.js";

const LOSSY_FILM = "a film that was compressed with loss"; // as all are that browsers play, but for few
const LEAST_RATE = 24; // frames per second of a film, if not fewer

/** As of the page's backend. @returns {Promise<import("@page/form/send.js").Forecast>} */
export async function forecast(cover, secret, container) {
  const { channel, safe } = container;
  if (cover.film) return { text: filmForecast(cover, secret), history: cover.film.seconds ? LOSSY_FILM : null };
  if (channel) return { text: channelForecast(channel, cover, secret) };
  const job = hidingJob(cover, secret, container);
  if (job === "jpeg") return jpegForecast(cover, secret, safe);
  const history = await historyOf(cover);
  return { text: job === "hide" ? "" : sealedForecast(cover, secret, history, safe), history };
}

/** Effect of a PNG file on the secret. */
function sealedForecast({ bitmap: { width, height }, channels }, secret, history, safe) {
  const remedy = channels > 1 ? "Use a larger cover, or a film." : "Use a larger cover, or one in colour.";
  const most = roomIn({ width, height }, secret, { channels });
  return fits(secret, most, remedy, securityOfPicture({ width, height, channels }, history), safe);
}

const jpegs = new WeakMap(); // what is known of covers, whose coefficients would fill the memory

/** Effect of a JPEG that stays one on the secret. */
async function jpegForecast({ file }, secret, safe) {
  try {
    if (!jpegs.has(file)) jpegs.set(file, amountsIn(readJpeg(new Uint8Array(await file.arrayBuffer()))));
    const { room, security } = jpegs.get(file);
    const most = room(storedName(secret.name));
    return { text: fits(secret, most, "Use a larger JPEG, or a PNG file.", security, safe), history: security.history };
  } catch (error) {
    if (error instanceof PageError) return { text: `${error.message} ${error.hint}` };
    throw error;
  }
}

const amountsIn = (jpeg) => ({ room: makeJpegRoom(jpeg), security: securityOf(jpeg, isTooFine(jpeg)) });

/** Effect of a film on the secret. */
function filmForecast(cover, secret) {
  if (!cover.film.seconds) return "";
  const frames = Math.floor(LEAST_RATE * cover.film.seconds);
  return fits(secret, roomIn(cover.film, secret, { frames }), "Use a longer or larger film.");
}

const roomIn = ({ width, height }, { name }, more) => fileRoom({ width, height, ...more }, storedName(name));

/** @param {import("../codec/secure.js").Security} [security] @param {boolean} [safe] hide only what is hard to find */
function fits({ file }, room, remedy, security = null, safe = false) {
  const hard = Math.min(security?.hard ?? Infinity, Math.max(room, 0));
  const found = hard ? `, ${size(hard)} of it hard to find` : ", all of it easy to find";
  const place = `Room for about ${size(Math.max(room, 0))}${security && room > 0 ? found : ""}`;
  return file.size <= (safe ? hard : room)
    ? `${place}: the secret as it is, byte for byte.`
    : `${place}: too little for this secret. ${remedy}`;
}

/** Usual room of a cover through a channel, and the effect on the secret. @param {string} name of a channel */
function channelForecast(name, cover, secret) {
  const channel = channelOf(name);
  try {
    const most = usualRoom(chooseRung(MODEM.rungs, channel), sentSize(channel, cover.bitmap));
    return `Room for about ${roughly(most)} bytes: ${expected(secret, most)}`;
  } catch (error) {
    if (error instanceof PageError) return error.message;
    throw error;
  }
}

function expected({ name, file, bitmap }, most) {
  if (fileBytes(name, file.size) <= most) return "the secret as it is, byte for byte.";
  if (!bitmap) return "too little for this file. Use a larger cover, or a milder channel.";
  const bytes = most - HEAD_BYTES - PICTURE_BYTES;
  if (bytes <= 0) return "too little for a picture. Use a larger cover.";
  return `a copy of the secret at about ${Math.round(usualQuality(bytes, bitmap))} dB.`;
}

/** Two digits of a number. */
const roughly = (count) => Number(count.toPrecision(2)).toLocaleString("en");
