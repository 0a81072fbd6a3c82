/** Files from the shares in a container's frames, whole or not at all, and a diagnosis of the frames. */

import { DIAGNOSIS } from "../../page/constants.js";
import { PageError } from "../errors.js";
import { equal } from "../format/bytes.js";
import { groupCount, joinShares, leastShares } from "../format/spread.js";

const { LISTED } = DIAGNOSIS; // spans of frames that a line names
const ALL_OR_NOTHING = "A file is revealed whole or not at all: get the container as it was written.";

/** The file that one frame holds all of. @throws {PageError} bytes are missing, or are not those that were hidden */
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
    const { filmId, frames, file } = this.#first;
    const { name, size, digest, needed } = file;
    const lines = trouble(this.#statuses, frames);
    let bytes = new Uint8Array(size);
    if (needed) {
      const shares = new Map([...this.#shares].map(([frame, share]) => [frame, share.bytes]));
      const joined = await joinShares(shares, { filmId, frames, ...file });
      if (!joined.bytes) throw tooFew(frames, needed, joined.least, lines);
      bytes = joined.bytes;
    } else {
      const held = [...this.#shares.values()].reduce((sum, share) => sum + share.bytes.length, 0);
      if (held < size) throw missing(size - held, size, lines);
      for (const share of this.#shares.values()) bytes.set(share.bytes, share.offset);
    }
    await checkDigest(bytes, digest, lines);
    return { name, bytes, whole: !lines.length, trouble: lines };
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
  const [groups, all] = [groupCount(frames), leastShares(frames)];
  const of = groups === 1 ? `its ${all} frames, and` : `the ${all} frames in each of ${groups} groups, and of one group`;
  return new PageError([`The file needs ${needed} of ${of} ${least} can be read.`, ...lines].join(" "), ALL_OR_NOTHING);
}

const counted = (number) => number.toLocaleString("en");

/**
 * Compares the frames of a container, in order, with the `total` frames that were hidden. Of frames that are out of
 * order, as few as possible count as moved.
 *
 * @param {({index: number, whole: boolean} | null)[]} statuses null: nothing opens, or it belongs to another container
 * @returns {string[]} one line for each kind of damage
 */
export function trouble(statuses, total) {
  const known = [...statuses.entries()].filter(([, status]) => status).map(([at, { index }]) => ({ at, index }));
  const order = longestRise(known);
  const shown = new Set(order.map(({ index }) => index));
  const counts = new Map();
  for (const { index } of known) counts.set(index, (counts.get(index) ?? 0) + 1);
  const altered = new Set(statuses.filter((status) => status && !status.whole).map(({ index }) => index));
  const { unreadable, lost, foreign } = gaps(statuses, order, total, counts);
  const kinds = [
    [[...altered], "altered since it was hidden"],
    [unreadable, "altered beyond reading"],
    [lost, "lost"],
    [[...counts.keys()].filter((index) => !shown.has(index)), "moved to another place"],
    [[...shown].filter((index) => counts.get(index) > 1), "repeated"],
  ];
  const lines = kinds.filter(([some]) => some.length).map(([some, what]) => `${framesWere(some)} ${what}.`);
  if (foreign.length === 1) lines.push("1 foreign frame was inserted.");
  if (foreign.length > 1) lines.push(`${foreign.length} foreign frames were inserted.`);
  return lines;
}

/** Longest increasing subsequence by patience sorting (Fredman 1975, Discrete Mathematics 11). */
function longestRise(known) {
  const [ends, before] = [[], []];
  for (const [at, { index }] of known.entries()) {
    let [pile, above] = [0, ends.length];
    while (pile < above) {
      const middle = (pile + above) >> 1;
      if (known[ends[middle]].index < index) pile = middle + 1;
      else above = middle;
    }
    before.push(pile ? ends[pile - 1] : -1);
    ends[pile] = at;
  }
  const rise = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]) rise.unshift(known[at]);
  return rise;
}

/** Within each gap of the order, missing frames are matched with frames that could not be read. */
function gaps(statuses, order, total, counts) {
  const found = { unreadable: [], lost: [], foreign: [] };
  let last = { at: -1, index: -1 };
  for (const next of [...order, { at: statuses.length, index: total }]) {
    const missing = range(last.index + 1, next.index).filter((index) => !counts.has(index));
    const blank = range(last.at + 1, next.at).filter((at) => !statuses[at]);
    const meet = Math.min(missing.length, blank.length);
    found.unreadable.push(...missing.slice(0, meet));
    found.lost.push(...missing.slice(meet));
    found.foreign.push(...blank.slice(meet));
    last = next;
  }
  return found;
}

const range = (start, end) => Array.from({ length: Math.max(end - start, 0) }, (_, at) => start + at);

/** Subject and verb of a sentence on frames: "Frame 3 was", "3 frames (0–1, 7) were". */
function framesWere(indices) {
  if (indices.length === 1) return `Frame ${indices[0]} was`;
  const spans = spansOf([...indices].sort((one, other) => one - other));
  const more = spans.length > LISTED ? ` and ${spans.length - LISTED} more spans` : "";
  return `${indices.length} frames (${spans.slice(0, LISTED).join(", ")}${more}) were`;
}

function spansOf(indices) {
  const spans = [];
  for (const index of indices) {
    if (spans.length && spans.at(-1)[1] === index - 1) spans.at(-1)[1] = index;
    else spans.push([index, index]);
  }
  return spans.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`));
}
