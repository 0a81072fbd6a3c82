/**
 * Entropy coding of scans by Huffman's method (ITU-T T.81, annexes F.1 and G.1). Where the standard leaves a choice, it
 * is taken as libjpeg takes it: blocks that only fill up an MCU repeat the DC coefficient before them, and runs of blocks
 * that end are as long as they may be.
 */

import { JPEG } from "../constants.js";
import { eachBlock } from "./scans.js";
import { codesOf, SIZE } from "./tables.js";

const { LONGEST_RUN, MOST_WAITING } = JPEG; // bits of correction that wait for the end of a run of blocks
const [END, ZEROS] = [0, 0xf0]; // symbols: no more coefficients, and 16 zeros
export const AC = 16; // added to the number of a table for AC coefficients

/**
 * Receiver of the symbols of a scan, and of the bits behind them.
 *
 * @typedef {object} Sink
 * @property {(key: number, symbol: number, value?: number, size?: number) => void} symbol of the table with a key, and so
 *   many bits of a value
 * @property {(bits: Uint8Array) => void} bits one in each element
 * @property {(number: number) => void} restart a marker, the first of which is 0
 */

/** Counts symbols. @implements {Sink} */
export class Counter {
  #countsOf;

  /** @param {(key: number) => Uint32Array} countsOf the counts of a table */
  constructor(countsOf) {
    this.#countsOf = countsOf;
  }

  symbol = (key, symbol) => void this.#countsOf(key)[symbol]++;
  bits = () => {};
  restart = () => {};
}

/** Writes a scan: bits, highest first; a byte of ones is followed by a zero byte. @implements {Sink} */
export class ScanWriter {
  #codes;
  #bytes = new Uint8Array(1 << 16);
  #size = 0;
  #bits = 0;
  #count = 0;

  /** @param {Map<number, Uint8Array>} tables by key */
  constructor(tables) {
    this.#codes = new Map([...tables].map(([key, body]) => [key, codesOf(body)]));
  }

  symbol(key, symbol, value = 0, size = 0) {
    const { codes, lengths } = this.#codes.get(key);
    this.#put(codes[symbol], lengths[symbol]);
    this.#put(value, size);
  }

  bits(bits) {
    for (const bit of bits) this.#put(bit, 1);
  }

  /** Fills up the last byte with ones, and writes a marker. */
  restart(number) {
    this.#put(0x7f, 7);
    [this.#bits, this.#count] = [0, 0];
    this.#byte(0xff);
    this.#bytes[this.#size - 1] = 0xd0 + (number % 8); // in place of the zero
  }

  /** All bytes; the last one is filled up with ones. */
  bytes() {
    this.#put(0x7f, 7);
    return this.#bytes.slice(0, this.#size);
  }

  /** Writes so many bits of a value, at most 16. */
  #put(value, count) {
    this.#bits = (this.#bits << count) | value;
    this.#count += count;
    for (; this.#count >= 8; this.#count -= 8) this.#byte((this.#bits >> (this.#count - 8)) & 0xff);
    this.#bits &= (1 << this.#count) - 1;
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

/**
 * Codes a scan.
 *
 * @param {import("./markers.js").JpegFile} file
 * @param {import("./markers.js").Scan} scan
 * @param {Int16Array[]} planes of all components
 * @param {Sink} sink
 */
export function codeScan(file, scan, planes, sink) {
  const owners = scan.components.map((index) => file.components[index]);
  const own = scan.components.map((index) => planes[index]);
  const state = { before: owners.map(() => 0), run: 0, waiting: [] };
  const [endRun, write] = [() => endOfRun(AC + scan.ac[0], state, sink), writerOf(file, scan, sink)];
  const begin = (number) => {
    endRun();
    state.before.fill(0);
    if (number) sink.restart(number - 1);
  };
  const beyond = new Int16Array(SIZE);
  eachBlock(file, scan, begin, (place, row, col) => {
    const { rows, cols } = owners[place];
    if (row < rows && col < cols) {
      write(state, own[place], (row * cols + col) * SIZE, place);
      return;
    }
    beyond[0] = meanBeyond(owners[place], own[place], row, col);
    write(state, beyond, 0, place);
  });
  endRun();
}

/** The DC coefficient of a block that fills up an MCU: of the last one in its row, or of the MCU's last one above. */
function meanBeyond({ rows, cols, across }, plane, row, col) {
  if (row < rows) return plane[(row * cols + Math.min(col, cols - 1)) * SIZE];
  return meanBeyond({ rows, cols, across }, plane, row - 1, Math.floor(col / across) * across + across - 1);
}

/** Writer of a block in this kind of scan. */
function writerOf({ progressive }, scan, sink) {
  const { first, low, high } = scan;
  if (!progressive) return blockWriter(scan, sink);
  if (first > 0) return high ? acRefiner(scan, sink) : acWriter(scan, sink);
  if (high) return (state, plane, start) => sink.bits([(plane[start] >> low) & 1]);
  return (state, plane, start, place) => writeDc(state, plane[start] >> low, scan.dc[place], place, sink);
}

function writeDc({ before }, mean, table, place, sink) {
  writeValue(table, 0, mean - before[place], sink);
  before[place] = mean;
}

/** A number behind so many zeros: the symbol of both, then the number's bits. */
function writeValue(key, zeros, value, sink) {
  const size = 32 - Math.clz32(Math.abs(value));
  sink.symbol(key, (zeros << 4) | size, value < 0 ? value + (1 << size) - 1 : value, size);
}

const blockWriter = ({ dc, ac }, sink) => (state, plane, start, place) => {
  writeDc(state, plane[start], dc[place], place, sink);
  const key = AC + ac[place];
  let zeros = 0;
  for (let at = start + 1; at < start + SIZE; at++) {
    if (plane[at] === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) sink.symbol(key, ZEROS);
    writeValue(key, zeros, plane[at], sink);
    zeros = 0;
  }
  if (zeros) sink.symbol(key, END);
};

/** Coefficients without their `low` last bits; ends of blocks are counted, in runs of blocks. */
const acWriter = ({ ac, first, last, low }, sink) => {
  const key = AC + ac[0];
  return (state, plane, start) => {
    let zeros = 0;
    for (let at = start + first; at <= start + last; at++) {
      const level = Math.abs(plane[at]) >> low;
      if (level === 0) {
        zeros++;
        continue;
      }
      endOfRun(key, state, sink);
      for (; zeros > 15; zeros -= 16) sink.symbol(key, ZEROS);
      writeValue(key, zeros, plane[at] < 0 ? -level : level, sink);
      zeros = 0;
    }
    if (zeros) addToRun(key, state, sink);
  };
};

/** A bit more of coefficients that are there, and new ones (G.1.2.3). */
const acRefiner = ({ ac, first, last, low }, sink) => {
  const key = AC + ac[0];
  return (state, plane, start) => {
    let end = start + last; // of new ones
    while (end >= start + first && Math.abs(plane[end]) >> low !== 1) end--;
    let [zeros, bits] = [0, []];
    for (let at = start + first; at <= start + last; at++) {
      const level = Math.abs(plane[at]) >> low;
      if (level === 0) {
        zeros++;
        continue;
      }
      for (; zeros > 15 && at <= end; zeros -= 16) {
        endOfRun(key, state, sink);
        sink.symbol(key, ZEROS);
        sink.bits(bits);
        bits = [];
      }
      if (level > 1) {
        bits.push(level & 1);
        continue;
      }
      endOfRun(key, state, sink);
      sink.symbol(key, (zeros << 4) | 1, plane[at] > 0 ? 1 : 0, 1);
      sink.bits(bits);
      zeros = 0;
      bits = [];
    }
    if (!zeros && !bits.length) return;
    state.waiting.push(...bits);
    addToRun(key, state, sink);
  };
};

function addToRun(key, state, sink) {
  state.run++;
  if (state.run === LONGEST_RUN || state.waiting.length > MOST_WAITING) endOfRun(key, state, sink);
}

/** Writes how many blocks have ended, and the bits of correction in them. */
function endOfRun(key, state, sink) {
  if (!state.run) return;
  const size = 31 - Math.clz32(state.run);
  sink.symbol(key, size << 4, state.run - (1 << size), size);
  sink.bits(state.waiting);
  [state.run, state.waiting] = [0, []];
}
