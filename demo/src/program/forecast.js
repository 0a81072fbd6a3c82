/** What fits into a cover, before anything is hidden: the program says it, as `stegnet info` does. */

import { ask } from "./ask.js";

const RATE = 24; // frames per second of a film, if not fewer

export const sealedForecast = (cover, secret) => forecast(cover?.bitmap, secret, null);
export const filmForecast = (cover, secret, survive = null) => forecast(cover.film, secret, survive);
export const channelForecast = (survive, cover, secret) => forecast(cover?.bitmap, secret, survive);

/** A sentence; empty if the browser can't show the cover, so that its size is not known. */
async function forecast(size, secret, survive) {
  if (!size?.width || !secret) return "";
  const { width, height, seconds } = size;
  const frames = seconds ? Math.max(1, Math.floor(RATE * seconds)) : 1;
  const sides = secret.bitmap ? { width: secret.bitmap.width, height: secret.bitmap.height } : {};
  const asked = { name: secret.name, size: secret.file.size, film: Boolean(secret.film), ...sides };
  return (await ask("forecast", { cover: { width, height, frames }, secret: asked, survive })).text ?? "";
}
