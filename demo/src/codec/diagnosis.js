/** Diagnosis of a film's frames: altered, unreadable, lost, moved, repeated, or foreign. */

import { DIAGNOSIS } from "../constants.js";

const { LISTED } = DIAGNOSIS; // spans of frames that a line names

/**
 * Compares the frames of a container, in order, with the `total` frames that were hidden. Of frames that are out of
 * order, as few as possible count as moved.
 *
 * @param {({index: number, whole: boolean} | null)[]} statuses null: nothing opens, or it belongs to another container
 * @param {number} total
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
  if (foreign.length) lines.push(foreignFrames(foreign.length));
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

function foreignFrames(count) {
  if (count === 1) return "1 foreign frame was inserted.";
  return `${count} foreign frames were inserted.`;
}

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
