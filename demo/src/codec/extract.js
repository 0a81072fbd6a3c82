/** Files from the shares in a container's frames: whole, or not at all. */

import { PageError } from "../errors.js";
import { equal } from "../format/bytes.js";
import { groupCount, joinShares, leastShares } from "../format/spread.js";
import { trouble } from "./diagnosis.js";

const ALL_OR_NOTHING = "A file is revealed whole or not at all: get the container as it was written.";

/**
 * The file that one frame holds all of.
 *
 * @param {import("../format/record.js").FileShare} share
 * @returns {Promise<{name: string, bytes: Uint8Array}>}
 * @throws {PageError} bytes are missing, or are not those that were hidden
 */
export async function wholeFile({ name, size, digest, bytes }) {
  if (bytes.length < size) throw missing(size - bytes.length, size);
  await checkDigest(bytes, digest);
  return { name, bytes };
}

/** A file that is collected frame by frame. Each share says where it belongs, so that the order does not matter. */
export class Collected {
  #first = null;
  #shares = new Map();
  #statuses = [];

  /** True if a frame has opened. */
  get opened() {
    return this.#first !== null;
  }

  /**
   * Adds the next frame of a film.
   *
   * @param {{filmId: Uint8Array, frames: number, index: number, whole: boolean,
   *   file: import("../format/record.js").FileShare} | null} record null if the frame does not open
   */
  add(record) {
    this.#first ??= record;
    const isOwn = record !== null && this.#belongs(record);
    this.#statuses.push(isOwn ? { index: record.index, whole: record.whole } : null);
    if (isOwn) this.#shares.set(record.index, record.file);
  }

  /**
   * @returns {Promise<{name: string, bytes: Uint8Array, whole: boolean, trouble: string[]}>} trouble: a line for each
   *   kind of damage; whole: there is none
   * @throws {PageError} bytes are missing, or are not those that were hidden
   */
  async file() {
    const { name, digest, needed } = this.#first.file;
    const lines = trouble(this.#statuses, this.#first.frames);
    const bytes = needed ? await this.#fromShares(lines) : this.#fromParts(lines);
    await checkDigest(bytes, digest, lines);
    return { name, bytes, whole: !lines.length, trouble: lines };
  }

  /** A file that is not spread. */
  #fromParts(lines) {
    const { size } = this.#first.file;
    const held = [...this.#shares.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (held < size) throw missing(size - held, size, lines);
    const bytes = new Uint8Array(size);
    for (const share of this.#shares.values()) bytes.set(share.bytes, share.offset);
    return bytes;
  }

  async #fromShares(lines) {
    const { filmId, frames, file } = this.#first;
    const shares = new Map([...this.#shares].map(([frame, share]) => [frame, share.bytes]));
    const { bytes, least } = await joinShares(shares, { filmId, frames, ...file });
    if (!bytes) throw tooFew(frames, file.needed, least, lines);
    return bytes;
  }

  #belongs({ filmId, frames, file }) {
    const { filmId: ownId, frames: all, file: own } = this.#first;
    const isSame = ["size", "name", "needed"].every((field) => file[field] === own[field]);
    return equal(filmId, ownId) && frames === all && isSame;
  }
}

async function checkDigest(bytes, digest, lines = []) {
  if (equal(digest, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))) return;
  throw new PageError(["The file's bytes are not those that were hidden.", ...lines].join(" "), ALL_OR_NOTHING);
}

const missing = (bytes, size, lines = []) =>
  new PageError(
    [`${counted(bytes)} of the file's ${counted(size)} bytes are missing.`, ...lines].join(" "),
    ALL_OR_NOTHING,
  );

function tooFew(frames, needed, least, lines) {
  const groups = groupCount(frames);
  const [all, which] =
    groups === 1 ? ["its", ""] : ["the", ` in each of ${counted(groups)} groups, and of one group`];
  const found = groups === 1 ? `, and ${least}` : ` ${least}`;
  const what = `The file needs ${needed} of ${all} ${leastShares(frames)} frames${which}${found} can be read.`;
  return new PageError([what, ...lines].join(" "), ALL_OR_NOTHING);
}

const counted = (number) => number.toLocaleString("en");
