/** Embedding any file, byte for byte, in the lowest bits of a picture: no network is used. */

import { PageError } from "../errors.js";
import { textureCosts } from "../format/costs.js";
import { keySource } from "../format/keys.js";
import { FILM_ID_BYTES, formatFileRecord, MAX_NAME } from "../format/record.js";
import { FILM_EFFORT, PICTURE_EFFORT, room, seal } from "../format/seal.js";
import { systemRandom } from "./random.js";

const HEADER_BYTES = 117; // of a file's record, without its name
const LONGEST_SUFFIX = 16; // bytes that are kept where a name is cut
const text = new TextEncoder();

/** Bytes of a file of this name that fit into a picture of this size; negative if not even the name does. */
export const fileRoom = (width, height, name) => room(width, height) - HEADER_BYTES - text.encode(name).length;

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
 * A file that will be embedded in the frames of one container: all that their records share.
 *
 * @typedef {object} Embedding
 * @property {{name: string, bytes: Uint8Array, digest: Uint8Array}} file
 * @property {import("../format/keys.js").ContainerKeys} keys
 * @property {Uint8Array} filmId
 * @property {Uint8Array} commitment
 * @property {number} frames
 */

/**
 * Prepares a file for so many frames of a size.
 *
 * @param {{name: string, bytes: Uint8Array}} file
 * @param {{width: number, height: number, frames: number}} size
 * @param {object} keyInput a key file's bytes, or a passphrase: see `keySource`
 * @param {(size: number) => Uint8Array} [random]
 * @returns {Promise<Embedding>}
 * @throws {PageError} it does not fit, or the key is missing
 */
export async function prepare(file, { width, height, frames }, keyInput, random = systemRandom) {
  const source = keySource(keyInput);
  const name = storedName(file.name);
  checkFits(name, file.bytes.length, width, height, frames);
  const keys = await source.newKeys(random);
  const filmId = random(FILM_ID_BYTES);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file.bytes));
  return { file: { name, bytes: file.bytes, digest }, keys, filmId, commitment: await keys.film.commitment(filmId), frames };
}

/**
 * Embeds a frame's share of a file, in place.
 *
 * @param {import("../picture.js").Picture} frame
 * @param {number} index of the frame
 * @param {Embedding} embedding
 * @param {(size: number) => Uint8Array} [random]
 */
export async function embedShare(frame, index, { file, keys, filmId, commitment, frames }, random = systemRandom) {
  const [start, end] = [index, index + 1].map((edge) => Math.floor((file.bytes.length * edge) / frames));
  const { name, digest } = file;
  const share = { name, size: file.bytes.length, digest, offset: start, bytes: file.bytes.subarray(start, end) };
  const record = formatFileRecord(filmId, commitment, { frames, index }, share);
  const cover = { ...frame, data: frame.data.slice() };
  const costsOf = (grey) => textureCosts(cover, grey, random);
  const effort = frames > 1 ? FILM_EFFORT : PICTURE_EFFORT;
  await seal(frame, record, keys, { costsOf, random, grey: true, first: index === 0, effort });
}

/** A copy of a cover that holds a file; arguments and errors as `prepare`. @param {import("../picture.js").Picture} cover */
export async function embed(cover, file, keyInput, random = systemRandom) {
  const container = { ...cover, data: cover.data.slice() };
  await embedShare(container, 0, await prepare(file, { ...cover, frames: 1 }, keyInput, random), random);
  return container;
}

function checkFits(name, size, width, height, frames) {
  const most = frames * fileRoom(width, height, name);
  if (size <= most) return;
  const counted = (bytes) => bytes.toLocaleString("en");
  throw new PageError(
    `${name} has ${counted(size)} bytes, and there is room for ${counted(Math.max(most, 0))}.`,
    frames > 1 ? longerCover(size, most, frames) : largerCover(size, most, width, height),
  );
}

function longerCover(size, most, frames) {
  if (most <= 0) return "Use a cover with larger pictures.";
  return `A cover of ${Math.ceil((size * frames) / most).toLocaleString("en")} such frames would do.`;
}

function largerCover(size, most, width, height) {
  const all = Math.max(room(width, height), 1);
  const side = Math.sqrt((all - most + size) / all);
  return `A cover of ${Math.ceil(width * side) + 1} × ${Math.ceil(height * side) + 1} pixels would do.`;
}
