/**
 * Error correction: irregular repeat–accumulate codes (docs/format.md, "Error correction"), decoded by belief propagation
 * with the sum-product rule (Kschischang, Frey, Loeliger 2001).
 */

import { FEC } from "../../page/constants.js";
import { join, u32 } from "./bytes.js";
import { argsort, stream } from "./ciphers.js";

const { ITERATIONS, LARGEST, LEAST } = FEC; // magnitudes: of a log-likelihood ratio, and of a message
export const { RATES, LOWEST, HIGHEST, LONGEST } = FEC; // a rate is a number of 64ths
const { COMMON, DEGREES, REPEATED } = FEC; // checks of an ordinary message bit; below the last rate, a code is repeated
const PURPOSE = new TextEncoder().encode("stegnet/1/code");

/** A systematic code of n bits: k message bits, then n − k parity bits. */
export class Code {
  #edges;
  #graph;

  /** @param {number} rate number of 64ths, by which the degrees are chosen */
  constructor(n, k, rate) {
    Object.assign(this, { n, k, rate });
  }

  /** The codeword, n bits, of a message, k bits. */
  async encode(message) {
    const { bits, checks } = await this.#messageEdges();
    const word = new Uint8Array(this.n);
    word.set(message);
    const parity = word.subarray(this.k);
    for (let edge = 0; edge < bits.length; edge++) parity[checks[edge]] ^= message[bits[edge]];
    for (let check = 1; check < parity.length; check++) parity[check] ^= parity[check - 1];
    return word;
  }

  /**
   * The message, k bits, or null if no codeword is found.
   *
   * @param {Float32Array} ratios n log-likelihood ratios: positive for 1
   */
  async decode(ratios, iterations) {
    this.#graph ??= await this.#makeGraph();
    return decoded(this.#graph, ratios, iterations)?.subarray(0, this.k) ?? null;
  }

  /** Message bit and check of each edge between them. */
  async #messageEdges() {
    const [, degree, share] = DEGREES.findLast(([least]) => this.rate >= least);
    const favoured = Math.floor((this.k * share[0]) / share[1]);
    this.#edges ??= joined([
      await this.#bands(0, favoured, Math.min(degree, this.n - this.k)),
      await this.#bands(favoured, this.k - favoured, COMMON),
    ]);
    return this.#edges;
  }

  /** Edges of `count` message bits from `first` on: one to a check in each band of checks, spread evenly over it. */
  async #bands(first, count, degree) {
    const words = await stream(await this.#seed(first), 8 * degree * count);
    const [bits, checks] = [new Uint32Array(degree * count), new Uint32Array(degree * count)];
    const edgeOf = (band) => Math.floor(((this.n - this.k) * band) / degree);
    for (let band = 0; band < degree; band++) {
      const [start, end] = [edgeOf(band), edgeOf(band + 1)];
      for (const [place, bit] of argsort(words, count, band * count).entries()) {
        bits[band * count + place] = first + bit;
        checks[band * count + place] = start + Math.floor((place * (end - start)) / count);
      }
    }
    return { bits, checks };
  }

  async #seed(first) {
    return crypto.subtle.digest("SHA-256", join(PURPOSE, u32(this.n), u32(this.k), u32(first)));
  }

  /** Edges between bits and checks, by check. */
  async #makeGraph() {
    const { bits, checks } = await this.#messageEdges();
    const count = this.n - this.k;
    const starts = new Uint32Array(count + 1);
    for (const check of checks) starts[check + 1]++;
    for (let check = 0; check < count; check++) starts[check + 1] += starts[check] + (check ? 2 : 1);
    const next = starts.slice(0, count);
    const ends = new Uint32Array(starts[count]);
    for (let edge = 0; edge < bits.length; edge++) ends[next[checks[edge]]++] = bits[edge];
    for (let check = 0; check < count; check++) {
      ends[next[check]++] = this.k + check;
      if (check) ends[next[check]++] = this.k + check - 1;
    }
    return { bits: ends, starts };
  }
}

function joined(parts) {
  const all = (name) => {
    const whole = new Uint32Array(parts.reduce((size, part) => size + part[name].length, 0));
    parts.reduce((at, part) => (whole.set(part[name], at), at + part[name].length), 0);
    return whole;
  };
  return { bits: all("bits"), checks: all("checks") };
}

/** Places for coded bits, at a rate: as few codewords of equal length as LONGEST allows, bit by bit in turns. */
export class Coding {
  #code;
  #count;
  #length;

  /** @param {number} places number of coded bits @param {number} rate LOWEST to HIGHEST */
  constructor(places, rate) {
    this.#count = Math.ceil(places / LONGEST);
    this.#length = Math.floor(places / this.#count);
    const n = Math.floor((this.#length * Math.min(rate, REPEATED)) / REPEATED);
    this.#code = new Code(n, Math.floor((n * Math.max(rate, REPEATED)) / RATES), rate);
    /** Bits of a message. */
    this.capacity = this.#count * this.#code.k;
    this.places = places;
  }

  /** The coded bits of a message of `capacity` bits; places that are left over are 0. */
  async encode(message) {
    const coded = new Uint8Array(this.places);
    const { n, k } = this.#code;
    for (let word = 0; word < this.#count; word++) {
      const bits = await this.#code.encode(message.subarray(word * k, (word + 1) * k));
      for (let bit = 0; bit < this.#length; bit++) coded[bit * this.#count + word] = bits[bit % n];
    }
    return coded;
  }

  /** The message, or null if any codeword is not found. @param {Float32Array} ratios of the places */
  async decode(ratios, iterations) {
    const { n, k } = this.#code;
    const message = new Uint8Array(this.capacity);
    for (let word = 0; word < this.#count; word++) {
      const sums = new Float32Array(n);
      for (let bit = 0; bit < this.#length; bit++) sums[bit % n] += ratios[bit * this.#count + word];
      const part = await this.#code.decode(sums, iterations);
      if (!part) return null;
      message.set(part, word * k);
    }
    return message;
  }
}

/**
 * The most likely bits that satisfy all checks; null if none are found.
 *
 * @param {Float32Array} ratios ln P(1) − ln P(0) of each bit
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

/** φ of magnitudes, within 0.1 %. */
export function flipped(messages) {
  const patterns = new Int32Array(messages.buffer, messages.byteOffset, messages.length);
  const result = new Float32Array(messages.length);
  for (let at = 0; at < result.length; at++) {
    const place = ((patterns[at] & 0x7fffffff) >> KEPT) - FIRST;
    result[at] = TABLE[place < 0 ? 0 : place < TABLE.length ? place : TABLE.length - 1];
  }
  return result;
}
