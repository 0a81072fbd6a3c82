/** Huffman coding of quantised blocks (ITU-T T.81, annex F). */

import { CODES, codesOf, SIZE, ZIGZAG } from "./tables.js";

const TABLES = Object.fromEntries(
  Object.entries(CODES).map(([kind, { dc, ac }]) => [kind, { dc: codesOf(dc), ac: codesOf(ac) }]),
);
const [END, ZEROS] = [0, 0xf0]; // symbols: no more coefficients, and 16 zeros

/** Writes bits, highest first; a byte of ones is followed by a zero byte. */
export class Bits {
  #bytes = new Uint8Array(1 << 16);
  #size = 0;
  #bits = 0;
  #count = 0;

  /** Writes so many bits of a value, at most 16. */
  put(value, count) {
    this.#bits = (this.#bits << count) | value;
    this.#count += count;
    for (; this.#count >= 8; this.#count -= 8) this.#byte((this.#bits >> (this.#count - 8)) & 0xff);
    this.#bits &= (1 << this.#count) - 1;
  }

  /** Fills up the last byte with ones, and writes a marker. */
  marker(number) {
    this.put(0x7f, 7);
    [this.#bits, this.#count] = [0, 0];
    this.#byte(0xff);
    this.#bytes[this.#size - 1] = number; // in place of the zero
  }

  /** All bytes; the last one is filled up with ones. */
  bytes() {
    this.put(0x7f, 7);
    return this.#bytes.slice(0, this.#size);
  }

  #byte(value) {
    if (this.#size + 2 > this.#bytes.length) {
      const longer = new Uint8Array(2 * this.#bytes.length);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes[this.#size++] = value;
    if (value === 0xff) this.#bytes[this.#size++] = 0;
  }
}

/** Writes blocks by the tables of annex K. */
export class BitWriter extends Bits {
  /**
   * Writes a block.
   *
   * @param {Int16Array | null} levels its coefficients; null for none but the mean, which is the last one's
   * @param {number} last the mean of the component's block before
   * @param {"luma" | "chroma"} kind
   * @returns {number} its mean
   */
  block(levels, last, kind) {
    const { dc, ac } = TABLES[kind];
    const mean = levels ? levels[0] : last;
    this.#value(dc, 0, mean - last);
    let zeros = 0;
    for (let at = 1; levels && at < SIZE; at++) {
      const level = levels[ZIGZAG[at]];
      if (level === 0) {
        zeros++;
        continue;
      }
      for (; zeros > 15; zeros -= 16) this.#symbol(ac, ZEROS);
      this.#value(ac, zeros, level);
      zeros = 0;
    }
    if (zeros || !levels) this.#symbol(ac, END);
    return mean;
  }

  /** A number behind so many zeros: the symbol of both, then the number's bits. */
  #value(table, zeros, value) {
    const length = 32 - Math.clz32(Math.abs(value));
    this.#symbol(table, (zeros << 4) | length);
    this.put(value < 0 ? value + (1 << length) - 1 : value, length);
  }

  #symbol({ codes, lengths }, symbol) {
    this.put(codes[symbol], lengths[symbol]);
  }
}
