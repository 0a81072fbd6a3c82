/** Channels that a container survives, and what arrives through them. */

import { CAPACITY, CHANNELS } from "../../page/constants.js";
import { PageError } from "../errors.js";
import { gridOf } from "../format/regions.js";
import { contentCapacity } from "../format/robust_record.js";
import { throughJpeg } from "../jpeg/libjpeg.js";
import { resize } from "../resize.js";

const { ABOVE, BEST, MESSENGER, MESSENGER_QUALITIES, MESSENGER_SIDE } = CHANNELS;
const { CONTAINER_PSNR, ROBUST_RATES } = CAPACITY;

/**
 * A channel.
 *
 * @typedef {{name: string, quality: number, saves: number[][], longest: number}} Channel quality: the lowest JPEG
 *   quality in it; saves: qualities with which a container is saved one after the other; longest: side in pixels to
 *   which it reduces pictures
 */

/** The channel that the command line calls "jpeg:QUALITY" or "messenger". */
export function channelOf(name) {
  if (name === MESSENGER) {
    const [saves, quality] = [MESSENGER_QUALITIES, Math.min(...MESSENGER_QUALITIES.flat())];
    return { name: `messengers (JPEG ${quality} and better, twice)`, quality, saves, longest: MESSENGER_SIDE };
  }
  const quality = Number(name.replace("jpeg:", ""));
  const above = ABOVE.map((more) => quality + more).filter((each) => each <= BEST);
  const saves = [quality, ...above].map((each) => [each]);
  return { name: `JPEG ${quality} and better`, quality, saves, longest: Infinity };
}

/** The size at which a cover of some size is sent. */
export function sentSize({ longest }, { width, height }) {
  const longer = Math.max(width, height);
  if (longer <= longest) return { width, height };
  return {
    width: Math.max(1, Math.round((width * longest) / longer)),
    height: Math.max(1, Math.round((height * longest) / longer)),
  };
}

/** The cover as it is sent. */
export function prepared(channel, cover) {
  const { width, height } = sentSize(channel, cover);
  return resize(cover, width, height);
}

/** The number of the worst of the pictures that may arrive. */
export const WORST = 1;

/**
 * The pictures that may arrive of a file: it itself, then what the channel makes of it.
 *
 * @param {import("../picture.js").Picture} sent what viewers show of the file
 * @param {number[] | null} [only] numbers of the pictures that are wanted; null: all
 */
export function* received({ quality, saves }, sent, only = null) {
  const isWanted = (number) => only?.includes(number) ?? true;
  if (isWanted(0)) yield sent;
  let [last, once] = [null, null]; // sequences that begin alike follow each other
  for (const [at, [first, ...others]] of saves.entries()) {
    if (!isWanted(WORST + at)) continue;
    if (first !== last) [last, once] = [first, throughJpeg(sent, first)];
    yield others.reduce((picture, each) => throughJpeg(picture, each), once);
  }
  if (isWanted(WORST + saves.length)) yield throughJpeg(sent, quality, true);
}

/** Number of pictures that `received` gives. */
export const arrivals = ({ saves }, only = null) => only?.length ?? saves.length + 2;

/** Bytes of content that a picture of this size usually carries at a point through the channel that users call so. */
export function usualCapacity(name, point, size) {
  const { rows, cols } = gridOf(size);
  return Math.max(contentCapacity(rows * cols, point, ROBUST_RATES[name] ?? ROBUST_RATES[point.name] ?? 0), 0);
}

/** The operating point for a channel, of CONTAINER_PSNR: the one that was trained for the nearest quality. */
export function choosePoint(points, { name, quality }) {
  const far = ({ psnr }) => Math.abs(psnr - CONTAINER_PSNR);
  const near = Math.min(...points.map(far));
  const fitting = points.filter((point) => far(point) === near && point.lowest <= quality);
  if (!fitting.length) throw new PageError(`The networks of this page do not survive ${name}.`, "Use the program.");
  return fitting.sort((one, other) => other.lowest - one.lowest || other.bits - one.bits)[0];
}
