/** Embedding any file, byte for byte, in the samples of a picture or film: no network is used. */

import { PageError } from "../errors.js";
import { systemRandom } from "../format/ciphers.js";
import { textureCosts } from "../format/costs.js";
import { keySource, SECRET_BYTES } from "../format/keys.js";
import { FILM_ID_BYTES, formatShare, formatWholeFile, MAX_NAME } from "../format/record.js";
import { PIXELS } from "../format/sample_order.js";
import { capacity, FILM_EFFORT, PICTURE_EFFORT, seal } from "../format/seal.js";
import { chooseNeeded, framesFor, fullCapacity } from "../format/spread.js";
import { channelsOf, squaredError } from "../picture.js";

const LONGEST_SUFFIX = 16; // bytes that are kept where a name is cut
const text = new TextEncoder();

/** Bytes of a file's record without its data. @param {number} [needed] 0 if the file is not spread */
export function headerBytes(name, needed = 0) {
  const file = { name, size: 0, digest: new Uint8Array(32), needed, bytes: new Uint8Array() };
  if (!needed) return formatWholeFile(file).length;
  return formatShare(new Uint8Array(SECRET_BYTES), new Uint8Array(FILM_ID_BYTES), { frames: 1, index: 0 }, file).length;
}

/**
 * Bytes of a file of this name that fit into a picture or film of this size; negative if not even the name does.
 *
 * @param {number} [cover.channels] 1 of a grey picture, which stays grey
 * @param {boolean} [cover.isForRecipient] space is left for an ephemeral key
 */
export const fileCapacity = ({ frames = 1, channels = 3, ...cover }, name) =>
  fullCapacity(frames, frameCapacity({ ...cover, frames, channels }, name));

function frameCapacity({ width, height, frames, channels, isForRecipient = false }, name) {
  return capacity(width, height, channels, PIXELS, isForRecipient) - headerBytes(name, frames > 1 ? 1 : 0);
}

/** A file's name, cut to what a record holds, its suffix kept. */
export function storedName(name) {
  const bytes = text.encode(name);
  if (bytes.length <= MAX_NAME) return name;
  const suffix = bytes.subarray(bytes.lastIndexOf(".".charCodeAt())).subarray(0, LONGEST_SUFFIX);
  const decoder = new TextDecoder();
  // A character that is cut in two is left out.
  const start = decoder.decode(bytes.subarray(0, MAX_NAME - suffix.length), { stream: true });
  return start + new TextDecoder().decode(suffix, { stream: true });
}

/**
 * A file that will be embedded: all that the records of a container's frames share. It can be sent to other workers.
 *
 * @typedef {object} Embedding
 * @property {string} name as it is stored
 * @property {number} size of the file in bytes
 * @property {Uint8Array} digest of the file: SHA-256
 * @property {number} frames of the container
 * @property {number} needed shares of a group of frames that give all others; 0 in a picture
 * @property {Uint8Array} filmId
 * @property {Uint8Array} filmSecret
 */

/**
 * Prepares a file for so many frames of a size.
 *
 * @param {{width: number, height: number, frames: number, channels: number}} cover channels: 1 if all frames are grey
 * @throws {PageError} it does not fit, or the key is missing
 */
export async function prepare({ name: given, bytes }, size, keyInput, random = systemRandom) {
  const cover = { ...size, isForRecipient: Boolean(keyInput.recipient) };
  const source = keySource(keyInput);
  const name = storedName(given);
  checkFits(name, bytes.length, cover);
  const { secret: filmSecret } = await source.newKeys(random);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const { frames } = cover;
  const needed = frames > 1 ? chooseNeeded(bytes.length, frames, frameCapacity(cover, name)) : 0;
  return { name, size: bytes.length, digest, frames, needed, filmId: random(FILM_ID_BYTES), filmSecret };
}

/**
 * A function that embeds a file, or a frame's share of it, in place, and returns the sum of its squared changes.
 *
 * @param {(done: number, total: number) => void} [onProgress] for each frame
 */
export async function makeEmbedder(embedding, keyInput, random = systemRandom, onProgress = () => {}) {
  const { frames, filmId, filmSecret, ...file } = embedding;
  const keys = await keySource(keyInput).newKeys(() => filmSecret);
  const effort = frames > 1 ? FILM_EFFORT : PICTURE_EFFORT;
  return async (frame, index, bytes) => {
    const share = { ...file, bytes };
    const record = file.needed ? formatShare(filmSecret, filmId, { frames, index }, share) : formatWholeFile(share);
    const cover = { ...frame, data: frame.data.slice() };
    const costsOf = (grey) => textureCosts(cover, grey, random);
    const options = { costsOf, random, grey: true, first: index === 0, effort, onProgress };
    await seal(frame, record, keys, options);
    return squaredError(cover.data, frame.data);
  };
}

/** A copy of a cover that holds a file; arguments and errors as `prepare`. */
export async function embed(cover, file, keyInput, random = systemRandom, onProgress = () => {}) {
  const embedding = await prepare(file, { ...cover, frames: 1, channels: channelsOf(cover) }, keyInput, random);
  const container = { ...cover, data: cover.data.slice() };
  await (await makeEmbedder(embedding, keyInput, random, onProgress))(container, 0, file.bytes);
  return container;
}

function checkFits(name, size, cover) {
  const { width, height, frames, channels } = cover;
  const most = fileCapacity(cover, name);
  if (size <= most) return;
  const counted = (bytes) => bytes.toLocaleString("en");
  let hint = "Use a cover with larger frames.";
  if (frames === 1) {
    const all = Math.max(capacity(width, height, channels), 1);
    const [wide, tall] = [width, height].map((side) => Math.ceil(side * Math.sqrt((all - most + size) / all)) + 1);
    hint = `The cover needs at least ${wide} × ${tall} pixels.`;
  } else if (frameCapacity(cover, name) > 0) {
    hint = `The cover needs at least ${counted(framesFor(size, frameCapacity(cover, name)))} such frames.`;
  }
  throw new PageError(
    `${name} has ${counted(size)} bytes, more than the capacity of ${counted(Math.max(most, 0))}.`,
    channels === 1 ? `${hint} A colour cover holds three times as much.` : hint,
  );
}
