/** Capacity of a cover, before anything is hidden. */

import { channelOf, choosePoint, sentSize, usualCapacity } from "../codec/channels.js";
import { fileCapacity, storedName } from "../../../stegnet/gui/browser/codec/sealed.js";
import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../../../stegnet/gui/browser/format/content.js";
import * as exact from "../../../stegnet/gui/browser/page/advice.js";
import { evidenceOf, sealedCapacity } from "../../../stegnet/gui/browser/page/jobs.js";
import { MODEM } from "../network/card.js";
import { CHANNELS, hidingJob } from "./jobs.js";

const { EASY, WHOLE } = exact; // EASY: by whatever is not hidden byte for byte, or in a cover with a lossy past
const LOSSY_FILM = "a film that was compressed with loss"; // as all are that browsers play, but for few
const COPY = "The secret is too large to be hidden byte for byte: a network hides a copy of it.";
const LEAST_RATE = 24; // frames per second of a film, if not fewer

/** As of the page's backend. */
export async function forecast(cover, secret, container) {
  const { isTransparent: turnsOpaque } = cover;
  if (cover.film) return { text: filmForecast(cover, secret), history: cover.film.seconds ? LOSSY_FILM : null };
  const channel = CHANNELS[container.destination];
  if (channel) return { text: channelForecast(channel, cover, secret), turnsOpaque };
  if (hidingJob(cover, secret, container) !== "hide") return exact.forecast(cover, secret, container);
  const most = sealedCapacity(cover, secret);
  const text = most > 0 ? `${EASY}Capacity: about ${exact.amount(most)}. ${COPY}` : "";
  return { text, history: (await evidenceOf(cover)).proof, turnsOpaque };
}

/** Effect of a film on the secret. */
function filmForecast(cover, secret) {
  if (!cover.film.seconds) return "";
  const frames = Math.floor(LEAST_RATE * cover.film.seconds);
  const most = fileCapacity({ ...cover.film, frames }, storedName(secret.name));
  return exact.fits(secret, most, "Use a longer or larger film.");
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

/** Two digits of a number. */
const roughly = (count) => Number(count.toPrecision(2)).toLocaleString("en");
