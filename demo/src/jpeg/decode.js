/** Decoding of scans to quantised coefficients (ITU-T T.81, annexes F.2 and G.2). */

import { damaged } from "./markers.js";
import { eachBlock } from "./scans.js";
import { codesOf, SIZE } from "./tables.js";

const WINDOW = 16; // bits of the longest code

/**
 * Reads a scan into the coefficients of its components.
 *
 * @param {import("./markers.js").JpegFile} file
 * @param {import("./markers.js").Scan} scan
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
  const beyond = new Int16Array(SIZE); // a block that only fills up an MCU
  const read = readerOf(file, scan);
  let state = null;
  const begin = (number) => {
    checkEnd(state);
    if (!parts[number]) throw damaged();
    state = { bits: new BitReader(parts[number]), before: scan.components.map(() => 0), run: 0 };
  };
  eachBlock(file, scan, begin, (place, row, col) => {
    const { rows, cols } = owners[place];
    const isInside = row < rows && col < cols;
    const start = isInside ? (row * cols + col) * SIZE : 0;
    read(state, tables[place], isInside ? planes[scan.components[place]] : beyond, start, place);
  });
  checkEnd(state);
}

function checkEnd(state) {
  if (state?.bits.isOver()) throw damaged();
}

/** Reader of a block in this kind of scan. */
function readerOf({ progressive }, { first, last, high, low }) {
  if (!progressive) return readBlock;
  if (first === 0) return high ? (state, _, plane, start) => refineDc(state, plane, start, low) : firstDc(low);
  return high ? refineAc(first, last, 1 << low) : firstAc(first, last, low);
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

const firstDc = (low) => (state, { dc }, plane, start, place) => {
  plane[start] = nextDc(state, dc, place) << low;
};

function refineDc({ bits }, plane, start, low) {
  if (bits.take(1)) plane[start] |= 1 << low;
}

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
