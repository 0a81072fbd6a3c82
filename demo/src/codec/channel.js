/** Channels that a container survives, and what arrives through them. */

import { contentRoom } from "../format/robust.js";
import { gridOf } from "../format/regions.js";
import { fileBytes } from "../format/content.js";
import { PageError } from "../errors.js";
import { throughJpeg } from "../jpeg/jpeg.js";
import { resize } from "../resize.js";

export const WRITTEN_QUALITY = 95; // of the JPEG files that hiding writes
export const CONTAINER_PSNR = 38; // dB
const ABOVE = [1, 2, 4, 7, 11, 16, 22, 30, 40]; // qualities above the promised one that are simulated
const [MESSENGER_SIDE, MESSENGER_QUALITIES] = [1600, [70, 74, 80]];
const CERTAIN = 2; // covers with half of the usual room are rare
/** Rate in 64ths that photographs bear on average, by rung of the shipped modem (stegnet/media/forecast.py). */
const USUAL_RATES = { "jpeg-50": 34, "jpeg-75": 44, "jpeg-90": 46, "jpeg-95": 47, subtle: 36, strong: 52 };
/** Bits per pixel of a coded picture, and its PSNR in dB, for the same photographs. */
const PICTURE_RATES = [0.0125, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4.3, 6];
const PICTURE_PSNR = [19.5, 21.2, 23, 25.1, 29.5, 33, 36.7, 41.1, 44, 46, 48.7];

/**
 * A channel.
 *
 * @typedef {{name: string, quality: number, saves: number[][], longest: number}} Channel quality: the lowest JPEG
 *   quality in it; saves: qualities with which a container is saved one after the other; longest: side in pixels to
 *   which it reduces pictures
 */

/** The channel that the command line calls "jpeg:QUALITY" or "messenger". @returns {Channel} */
export function channelOf(name) {
  if (name === "messenger") {
    const saves = MESSENGER_QUALITIES.flatMap((first) => MESSENGER_QUALITIES.map((second) => [first, second]));
    return { name: "messengers (JPEG 70 and better, twice)", quality: 70, saves, longest: MESSENGER_SIDE };
  }
  const quality = Number(name.replace("jpeg:", ""));
  const above = ABOVE.map((more) => quality + more).filter((each) => each <= 100);
  const saves = [quality, ...above].map((each) => [each]);
  return { name: `JPEG ${quality} and better`, quality, saves, longest: Infinity };
}

/** The size at which a cover of some size is sent. @param {Channel} channel */
export function sentSize({ longest }, { width, height }) {
  const longer = Math.max(width, height);
  if (longer <= longest) return { width, height };
  return {
    width: Math.max(1, Math.round((width * longest) / longer)),
    height: Math.max(1, Math.round((height * longest) / longer)),
  };
}

/** The cover as it is sent. @param {Channel} channel @param {import("../picture.js").Picture} cover */
export function prepared(channel, cover) {
  const { width, height } = sentSize(channel, cover);
  return resize(cover, width, height);
}

/**
 * The pictures that may arrive; the first is the file that is written.
 *
 * @param {Channel} channel
 * @param {import("../picture.js").Picture} container
 * @param {boolean} few the file, and the first of the sequences, alone
 */
export function* received({ quality, saves }, container, few) {
  const sent = throughJpeg(container, WRITTEN_QUALITY);
  yield sent;
  for (const qualities of few ? saves.slice(0, 1) : saves) {
    yield qualities.reduce((picture, each) => throughJpeg(picture, each), sent);
  }
  if (!few) yield throughJpeg(sent, quality, true);
}

/** The rung for a channel and a PSNR in dB: the one that was trained for the nearest quality; null if there is none. */
function rungFor(rungs, { quality }, psnr) {
  const near = Math.min(...rungs.map((rung) => Math.abs(rung.psnr - psnr)));
  const fitting = rungs.filter((rung) => Math.abs(rung.psnr - psnr) === near && rung.lowest <= quality);
  const better = (best, rung) =>
    rung.lowest > best.lowest || (rung.lowest === best.lowest && rung.bits > best.bits) ? rung : best;
  return fitting.length ? fitting.reduce(better) : null;
}

/** Bytes of content that a picture of this size usually carries. @param {import("../format/rungs.js").Rung} rung */
export function usualRoom(rung, size) {
  const { rows, cols } = gridOf(size);
  return Math.max(contentRoom(rows * cols, rung, USUAL_RATES[rung.name] ?? 0), 0);
}

/**
 * The rung for a secret of `bytes` bytes: of the highest PSNR at which the file certainly fits as it is, otherwise
 * of CONTAINER_PSNR.
 *
 * @param {import("../format/rungs.js").Rung[]} rungs
 * @param {Channel} channel
 * @param {{width: number, height: number}} size of the cover as it is sent
 */
export function chooseRung(rungs, channel, size, { name, bytes }) {
  const higher = rungs.map(({ psnr }) => psnr).filter((psnr) => psnr > CONTAINER_PSNR);
  for (const psnr of higher.sort((one, other) => other - one)) {
    const rung = rungFor(rungs, channel, psnr);
    if (rung && fileBytes(name, bytes) <= Math.floor(usualRoom(rung, size) / CERTAIN)) return rung;
  }
  const rung = rungFor(rungs, channel, CONTAINER_PSNR);
  if (!rung) throw new PageError(`The networks of this page do not survive ${channel.name}.`, "Use a milder channel.");
  return rung;
}

/** Expected PSNR in dB of a picture that is coded with so many bytes: linear in the logarithm of the rate. */
export function usualQuality(bytes, { width, height }) {
  const rate = (8 * bytes) / (width * height);
  if (rate <= 0) return 0;
  const above = PICTURE_RATES.findIndex((known) => known >= rate);
  const right = Math.max(above < 0 ? PICTURE_RATES.length - 1 : above, 1);
  const [low, high] = [PICTURE_RATES[right - 1], PICTURE_RATES[right]];
  const [least, most] = [PICTURE_PSNR[right - 1], PICTURE_PSNR[right]];
  return least + ((Math.log(rate) - Math.log(low)) * (most - least)) / (Math.log(high) - Math.log(low));
}
