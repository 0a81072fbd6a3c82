/** What fits into a cover, before anything is hidden. */

import { size } from "@page/elements.js";

import { channelOf, chooseRung, sentSize, usualQuality, usualRoom } from "../codec/channel.js";
import { fileRoom, storedName } from "../codec/embed.js";
import { makeJpegRoom } from "../codec/jpeg.js";
import { PageError } from "../errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../format/content.js";
import { readJpeg } from "../jpeg/coefficients.js";
import { MODEM } from "../network/card.js";
import { hidingJob } from "./jobs.js";

const LEAST_RATE = 24; // frames per second of a film, if not fewer

/** A sentence; arguments as of the page's backend. */
export function forecast(cover, secret, container) {
  const { channel } = container;
  if (cover.film) return filmForecast(cover, secret);
  if (hidingJob(cover, secret, container) === "jpeg") return jpegForecast(cover, secret);
  return channel ? channelForecast(channel, cover, secret) : sealedForecast(cover, secret);
}

/** What a PNG file does to the secret. */
function sealedForecast(cover, secret) {
  if (secret.bitmap && cover.channels > 1) return "";
  const remedy = cover.channels > 1 ? "Use a larger cover, or a film." : "Use a larger cover, or one in colour.";
  return fits(secret, roomIn(cover.bitmap, secret, { channels: cover.channels }), remedy);
}

const jpegs = new WeakMap(); // coefficients of covers would fill the memory: a function of the secret's name

/** What a JPEG that stays one does to the secret. */
async function jpegForecast({ file }, secret) {
  try {
    if (!jpegs.has(file)) jpegs.set(file, makeJpegRoom(readJpeg(new Uint8Array(await file.arrayBuffer()))));
    return fits(secret, jpegs.get(file)(storedName(secret.name)), "Use a larger JPEG, or a PNG file.");
  } catch (error) {
    if (error instanceof PageError) return `${error.message} ${error.hint}`;
    throw error;
  }
}

/** What a film does to the secret. */
function filmForecast(cover, secret) {
  if (!cover.film.seconds) return "";
  const frames = Math.floor(LEAST_RATE * cover.film.seconds);
  return fits(secret, roomIn(cover.film, secret, { frames }), "Use a longer or larger film.");
}

const roomIn = ({ width, height }, { name }, more) => fileRoom({ width, height, ...more }, storedName(name));

function fits({ file }, most, remedy) {
  const place = `Room for about ${size(Math.max(most, 0))}`;
  return file.size <= most
    ? `${place}: the secret as it is, byte for byte.`
    : `${place}: too little for this secret. ${remedy}`;
}

/** What a cover usually carries through a channel, and what becomes of the secret. @param {string} name of a channel */
function channelForecast(name, cover, secret) {
  const channel = channelOf(name);
  const [sent, file] = [sentSize(channel, cover.bitmap), { name: secret.name, bytes: secret.file.size }];
  try {
    const most = usualRoom(chooseRung(MODEM.rungs, channel, sent, file), sent);
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
