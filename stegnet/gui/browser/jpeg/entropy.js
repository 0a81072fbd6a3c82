/**
 * Entropy coding of scans by Huffman's method, to and from quantised coefficients (ITU-T T.81, annexes F and G). Where the
 * standard leaves a choice, it is made as by libjpeg: blocks that only fill up an MCU repeat the DC coefficient before
 * them, unless the file has others, and runs of blocks that end are as long as they may be.
 */

import { JPEG } from "../../page/constants.js";
import { damaged } from "./markers.js";
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

/** A counter of symbols. @param {(key: number) => Uint32Array} countsOf counts of a table */
export const makeCounter = (countsOf) => ({
  symbol: (key, symbol) => void countsOf(key)[symbol]++,
  bits() {},
  restart() {},
});

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

/** Codes a scan. @param {Int16Array[]} planes of all components */
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
  let filled = 0;
  eachBlock(file, scan, begin, (place, row, col) => {
    const { rows, cols } = owners[place];
    if (row < rows && col < cols) {
      write(state, own[place], (row * cols + col) * SIZE, place);
      return;
    }
    if (scan.fill) {
      write(state, scan.fill[filled++], 0, place);
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

const WINDOW = 16; // bits of the longest code

/**
 * Reads a scan into the coefficients of its components. Its `fill` becomes the blocks that only fill up MCUs, in order,
 * if they are coded whole and not as libjpeg writes them, else null.
 *
 * @param {Int16Array[]} planes of all components, block by block in zigzag order
 * @throws {PageError} the data are damaged
 */
export function decodeScan(file, scan, planes) {
  const parts = intervals(file.bytes.subarray(scan.start, scan.end));
  const owners = scan.components.map((index) => file.components[index]);
  const tables = scan.components.map((_, place) => ({
    dc: lookup(scan.tables.get(scan.dc[place])),
    ac: lookup(scan.tables.get(16 + scan.ac[place])),
  }));
  const fill = []; // blocks that only fill up MCUs
  const read = readerOf(file, scan);
  let state = null;
  const checkEnd = () => {
    if (state?.bits.isOver()) throw damaged();
  };
  const begin = (number) => {
    checkEnd();
    if (!parts[number]) throw damaged();
    state = { bits: new BitReader(parts[number]), before: scan.components.map(() => 0), run: 0 };
  };
  eachBlock(file, scan, begin, (place, row, col) => {
    const { rows, cols } = owners[place];
    if (row < rows && col < cols) {
      read(state, tables[place], planes[scan.components[place]], (row * cols + col) * SIZE, place);
      return;
    }
    fill.push(new Int16Array(SIZE));
    read(state, tables[place], fill.at(-1), 0, place);
  });
  checkEnd();
  scan.fill = file.progressive || isUsual(file, scan, planes, fill) ? null : fill;
}

/** True if blocks that fill up MCUs are as libjpeg writes them. */
function isUsual(file, scan, planes, fill) {
  let [usual, filled] = [true, 0];
  eachBlock(file, scan, () => {}, (place, row, col) => {
    const owner = file.components[scan.components[place]];
    if (row < owner.rows && col < owner.cols) return;
    const mean = meanBeyond(owner, planes[scan.components[place]], row, col);
    usual &&= fill[filled++].every((level, at) => level === (at ? 0 : mean));
  });
  return usual;
}

/** Reader of a block in this kind of scan. */
function readerOf({ progressive }, { first, last, high, low }) {
  if (!progressive) return readBlock;
  if (first > 0) return high ? refineAc(first, last, 1 << low) : firstAc(first, last, low);
  if (!high) return (state, { dc }, plane, start, place) => void (plane[start] = nextDc(state, dc, place) << low);
  return ({ bits }, _, plane, start) => void (plane[start] |= bits.take(1) << low);
}

function readBlock(state, { dc, ac }, plane, start, place) {
  plane[start] = nextDc(state, dc, place);
  const { bits } = state;
  for (let at = 1; at < SIZE; at++) {
    const symbol = bits.symbol(ac);
    const size = symbol & 15;
    if (size === 0) {
      if (symbol !== 0xf0) return;
      at += 15;
      continue;
    }
    at += symbol >> 4;
    if (at >= SIZE) throw damaged();
    plane[start + at] = bits.value(size);
  }
}

const nextDc = (state, dc, place) => (state.before[place] += state.bits.value(state.bits.symbol(dc)));

const firstAc = (first, last, low) => (state, { ac }, plane, start) => {
  if (state.run > 0) {
    state.run--;
    return;
  }
  const { bits } = state;
  for (let at = first; at <= last; at++) {
    const symbol = bits.symbol(ac);
    const [zeros, size] = [symbol >> 4, symbol & 15];
    if (size === 0 && zeros < 15) {
      state.run = (1 << zeros) - 1 + bits.take(zeros);
      return;
    }
    at += zeros;
    if (at > last) throw damaged();
    if (size) plane[start + at] = bits.value(size) * (1 << low);
  }
};

/** Coefficients that are there get a bit more, and new ones are `unit` or its negative (figure G.7). */
const refineAc = (first, last, unit) => (state, { ac }, plane, start) => {
  const { bits } = state;
  const refine = (at) => {
    if (bits.take(1)) plane[at] += plane[at] > 0 ? unit : -unit;
  };
  let at = start + first;
  const end = start + last;
  while (state.run === 0 && at <= end) {
    const symbol = bits.symbol(ac);
    let zeros = symbol >> 4;
    const isNew = (symbol & 15) > 0;
    if (!isNew && zeros < 15) {
      state.run = (1 << zeros) + bits.take(zeros);
      break;
    }
    const value = isNew ? (bits.take(1) ? unit : -unit) : 0;
    for (; at <= end; at++) {
      if (plane[at]) refine(at);
      else if (zeros-- === 0) break;
    }
    if (isNew && at > end) throw damaged();
    if (isNew) plane[at] = value;
    at++;
  }
  if (state.run > 0) {
    for (; at <= end; at++) if (plane[at]) refine(at);
    state.run--;
  }
};

/** Bits of bytes, highest first; beyond the end they are 0. */
class BitReader {
  #bytes;
  #at = 0;
  #bits = 0;
  #count = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** The next symbol by a table of `lookup`. */
  symbol(table) {
    this.#fill();
    const entry = table[(this.#bits >>> (this.#count - WINDOW)) & 0xffff];
    if (!entry) throw damaged();
    this.#count -= entry >> 8;
    return entry & 0xff;
  }

  /** The next so many bits, 16 at most. */
  take(count) {
    if (count === 0) return 0;
    this.#fill();
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  /** A number of so many bits (F.2.2.1, EXTEND). */
  value(size) {
    const bits = this.take(size);
    return size && bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits;
  }

  /** True if more bits were taken than there are. */
  isOver = () => 8 * this.#at - this.#count > 8 * this.#bytes.length;

  #fill() {
    for (; this.#count <= 24; this.#count += 8) this.#bits = (this.#bits << 8) | (this.#bytes[this.#at++] ?? 0);
  }
}

/** Symbol and length of the code that each 16 bits begin with: 256 · length + symbol; 0 if with none. */
function lookup(table) {
  const entries = new Uint16Array(1 << WINDOW);
  if (!table) return entries;
  const { codes, lengths } = codesOf(table.body);
  for (const symbol of table.body.subarray(16)) {
    const spare = WINDOW - lengths[symbol];
    entries.fill((lengths[symbol] << 8) | symbol, codes[symbol] << spare, (codes[symbol] + 1) << spare);
  }
  return entries;
}

/** The bytes of each restart interval, without the zeros behind bytes of ones. */
function intervals(data) {
  const [parts, plain] = [[], new Uint8Array(data.length)];
  let [start, size] = [0, 0];
  for (let at = 0; at < data.length; at++) {
    if (data[at] !== 0xff) plain[size++] = data[at];
    else if (data[++at] === 0) plain[size++] = 0xff;
    else {
      parts.push(plain.subarray(start, size)); // a restart marker
      start = size;
    }
  }
  return [...parts, plain.subarray(start, size)];
}

/**
 * Visits the blocks of a scan in order, those that only fill up an MCU as well.
 *
 * @param {(interval: number) => void} begin called before the first block of each restart interval
 * @param {(place: number, row: number, col: number) => void} visit place: of the component in the scan
 */
function eachBlock(file, scan, begin, visit) {
  const parts = scan.components.map((index) => file.components[index]);
  const isAlone = parts.length === 1;
  const [rows, cols] = isAlone ? [parts[0].rows, parts[0].cols] : unitsOf(file);
  const sizes = parts.map(({ across, down }) => (isAlone ? { across: 1, down: 1 } : { across, down }));
  const interval = scan.interval || rows * cols;
  for (let unit = 0; unit < rows * cols; unit++) {
    if (unit % interval === 0) begin(unit / interval);
    const [row, col] = [Math.floor(unit / cols), unit % cols];
    for (let place = 0; place < sizes.length; place++) {
      const { across, down } = sizes[place];
      for (let y = row * down; y < (row + 1) * down; y++) {
        for (let x = col * across; x < (col + 1) * across; x++) visit(place, y, x);
      }
    }
  }
}

/** Rows and columns of MCUs. */
export const unitsOf = ({ width, height, across, down }) => [Math.ceil(height / (8 * down)), Math.ceil(width / (8 * across))];
