/** Capacity of a cover, before anything is hidden. */

import { fileCapacity, storedName } from "../../../stegnet/gui/browser/codec/sealed.js";
import * as exact from "../../../stegnet/gui/browser/page/advice.js";
import { evidenceOf, sealedCapacity } from "../../../stegnet/gui/browser/page/jobs.js";
import { MODEM } from "../network/card.js";
import { CHANNELS, hidingJob } from "./jobs.js";

const LOSSY_FILM = "a film that was compressed with loss"; // as all are that browsers play, but for few
const COPY = "The secret is too large to be hidden byte for byte: a network hides a copy of it.";
const LEAST_RATE = 24; // frames per second of a film, if not fewer

/** As of the page's backend. */
export async function forecast(cover, secret, container) {
  const { isTransparent: turnsOpaque } = cover;
  if (cover.film) return { text: filmForecast(cover, secret), history: cover.film.seconds ? LOSSY_FILM : null };
  if (container.destination in CHANNELS) return exact.survivingForecast(cover, secret, container, MODEM.points, true);
  if (hidingJob(cover, secret, container) !== "hide") return exact.forecast(cover, secret, container);
  const most = sealedCapacity(cover, secret);
  const text = most > 0 ? `${exact.EASY}Capacity: about ${exact.amount(most)}. ${COPY}` : "";
  return { text, history: (await evidenceOf(cover)).proof, turnsOpaque };
}

/** Effect of a film on the secret. */
function filmForecast(cover, secret) {
  if (!cover.film.seconds) return "";
  const frames = Math.floor(LEAST_RATE * cover.film.seconds);
  const most = fileCapacity({ ...cover.film, frames }, storedName(secret.name));
  return exact.fits(secret, most, "Use a longer or larger film.");
}
