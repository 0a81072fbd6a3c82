/** Belief propagation by the sum-product rule (Kschischang, Frey, Loeliger 2001). */

/**
 * Edges between bits and checks, by check.
 *
 * @typedef {object} Graph
 * @property {Uint32Array} bits bit of each edge
 * @property {Uint32Array} starts first edge of each check, and the number of edges
 */

import { FEC } from "../constants.js";

const { ITERATIONS, LARGEST, LEAST } = FEC; // magnitudes: of a log-likelihood ratio, and of a message

/**
 * The most likely bits that satisfy all checks; null if none are found.
 *
 * @param {Graph} graph
 * @param {Float32Array} ratios ln P(1) − ln P(0) of each bit
 * @param {number} [iterations]
 * @returns {Uint8Array | null}
 */
export function decoded(graph, ratios, iterations = ITERATIONS) {
  const channel = ratios.map((ratio) => Math.min(Math.max(ratio, -LARGEST), LARGEST));
  const messages = Float32Array.from(graph.bits, (bit) => channel[bit]);
  let totals = channel;
  for (let done = 0; done < iterations; done++) {
    if (satisfied(graph, totals)) return Uint8Array.from(totals, (total) => Number(total > 0));
    totals = pass(graph, messages, channel);
  }
  return null;
}

/** True if the signs are a codeword. */
function satisfied({ bits, starts }, totals) {
  for (let check = 0; check + 1 < starts.length; check++) {
    let odd = 0;
    for (let edge = starts[check]; edge < starts[check + 1]; edge++) odd ^= totals[bits[edge]] > 0;
    if (odd) return false;
  }
  return true;
}

/** Sends messages from bits to checks and back, in place; returns the bits' totals. */
function pass({ bits, starts }, messages, channel) {
  const totals = channel.slice();
  const small = flipped(messages);
  const rest = new Float32Array(messages.length);
  for (let check = 0; check + 1 < starts.length; check++) {
    let sum = 0;
    for (let edge = starts[check]; edge < starts[check + 1]; edge++) sum += small[edge];
    for (let edge = starts[check]; edge < starts[check + 1]; edge++) rest[edge] = sum - small[edge];
  }
  const back = flipped(rest);
  for (let check = 0; check + 1 < starts.length; check++) {
    let odd = false;
    for (let edge = starts[check]; edge < starts[check + 1]; edge++) odd = odd !== messages[edge] > 0;
    for (let edge = starts[check]; edge < starts[check + 1]; edge++) {
      // Other bits that are 1 in odd number make this one 1.
      if (odd === messages[edge] > 0) back[edge] = -back[edge];
      totals[bits[edge]] += back[edge];
    }
  }
  for (let edge = 0; edge < bits.length; edge++) messages[edge] = totals[bits[edge]] - back[edge];
  return totals;
}

/** φ(x) = −ln tanh(x / 2), its own inverse (Gallager 1963). */
export const exactFlip = (x) => -Math.log(Math.tanh(Math.min(Math.max(x, LEAST), LARGEST) / 2));

// Floats in ascending order have ascending bit patterns: a table by their upper bits is as fine for small as for large.
const KEPT = 14; // lower bits of a pattern that do not count
const patternOf = (x) => new Int32Array(Float32Array.of(x).buffer)[0] >> KEPT;
const FIRST = patternOf(LEAST);
const TABLE = Float32Array.from({ length: patternOf(LARGEST) - FIRST + 1 }, (_, at) => {
  const middle = ((FIRST + at) << KEPT) | (1 << (KEPT - 1));
  return exactFlip(new Float32Array(Int32Array.of(middle).buffer)[0]);
});

/** φ of magnitudes, within 0.1 %. @param {Float32Array} messages */
export function flipped(messages) {
  const patterns = new Int32Array(messages.buffer, messages.byteOffset, messages.length);
  const result = new Float32Array(messages.length);
  for (let at = 0; at < result.length; at++) {
    const place = ((patterns[at] & 0x7fffffff) >> KEPT) - FIRST;
    result[at] = TABLE[place < 0 ? 0 : place < TABLE.length ? place : TABLE.length - 1];
  }
  return result;
}
