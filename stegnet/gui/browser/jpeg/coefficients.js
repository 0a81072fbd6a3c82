/**
 * Coefficients of a JPEG, and the file with others in their place. Every byte outside of the entropy-coded data stays;
 * only Huffman tables that an encoder made for a file's own coefficients are made anew, as it would make them, and those
 * that have no code for the new ones.
 */

import { join } from "../format/bytes.js";
import { codeScan, decodeScan, makeCounter, ScanWriter } from "./entropy.js";
import { damaged, parseJpeg } from "./markers.js";
import { SIZE } from "./tables.js";

/**
 * A JPEG, by its coefficients: of each component the quantised ones, block by block in zigzag order.
 *
 * @typedef {{file: import("./markers.js").JpegFile, planes: Int16Array[]}} JpegPicture
 */

/** Reads the coefficients of a JPEG. @throws {PageError} */
export function readJpeg(bytes) {
  const file = parseJpeg(bytes);
  if (file.components.some(({ table }) => !file.quantisation.has(table))) throw damaged();
  const planes = file.components.map(({ rows, cols }) => new Int16Array(rows * cols * SIZE));
  for (const scan of file.scans) decodeScan(file, scan, planes);
  return { file, planes };
}

/** The quantisation table of a component, in zigzag order. */
export const stepsOf = ({ file }, component) => file.quantisation.get(file.components[component].table);

/**
 * The file with other coefficients, up to 1,023, the first of each block 2,047.
 *
 * @param {Int16Array[]} planes of the same lengths
 */
export function withPlanes({ file, planes: before }, planes) {
  const tables = tablesFor(file, before, planes);
  const changed = file.scans.map((scan) => {
    const own = new Map([...scan.tables].map(([key, { start }]) => [key, tables.get(start)]));
    const writer = new ScanWriter(own);
    codeScan(file, scan, planes, writer);
    return { start: scan.start, end: scan.end, bytes: writer.bytes() };
  });
  for (const { start, end, tables: old } of file.segments) {
    const content = join(...old.flatMap(({ key, start: at }) => [[key], tables.get(at)]));
    changed.push({ start: start - 2, end, bytes: join([(content.length + 2) >> 8, (content.length + 2) & 0xff], content) });
  }
  return spliced(file.bytes, changed);
}

/** The bodies of the tables to write, by where the file has them. @returns {Map<number, Uint8Array>} */
function tablesFor(file, before, planes) {
  const [old, now] = [before, planes].map((each) => uses(file, each));
  const found = new Map();
  for (const { start, body } of file.segments.flatMap(({ tables }) => tables)) {
    const [own, counts] = [old.get(start), now.get(start)];
    const wasOptimal = own && optimalTable(own).join() === body.join();
    const symbols = new Set(body.subarray(16));
    const isLacking = counts?.some((count, symbol) => count && !symbols.has(symbol));
    found.set(start, counts && (wasOptimal || isLacking) ? optimalTable(counts) : body);
  }
  return found;
}

/** Uses of each symbol of each table, by where the file has it. */
function uses(file, planes) {
  const counts = new Map();
  for (const scan of file.scans) {
    const counter = makeCounter((key) => {
      const { start } = scan.tables.get(key);
      if (!counts.has(start)) counts.set(start, new Uint32Array(256));
      return counts.get(start);
    });
    codeScan(file, scan, planes, counter);
  }
  return counts;
}

/** Bytes with others from start to end of each part. */
function spliced(bytes, changed) {
  const pieces = [];
  let done = 0;
  for (const { start, end, bytes: piece } of changed.sort((one, other) => one.start - other.start)) {
    pieces.push(bytes.subarray(done, start), piece);
    done = end;
  }
  return join(...pieces, bytes.subarray(done));
}

const NOTHING = 256; // a symbol of its own, so that no code is all ones
const LONGEST = 16;

/**
 * The table, as in the file, for symbols that are used so often.
 *
 * @param {Uint32Array} counts uses of each of 256 symbols
 * @returns {Uint8Array} 16 numbers of codes by length, then the symbols
 */
export function optimalTable(counts) {
  const lengths = codeLengths(counts);
  const numbers = new Uint16Array(2 * NOTHING);
  for (const length of lengths.values()) numbers[length]++;
  shorten(numbers);
  let last = LONGEST;
  while (!numbers[last]) last--;
  numbers[last]--; // that of NOTHING
  const symbols = [...lengths.keys()].filter((symbol) => symbol !== NOTHING);
  symbols.sort((one, other) => lengths.get(one) - lengths.get(other) || one - other);
  return Uint8Array.of(...numbers.subarray(1, LONGEST + 1), ...symbols);
}

/** Lengths of the codes by symbol: the two least frequent ones become one, again and again; of equal ones, the last. */
function codeLengths(counts) {
  const groups = [{ count: 1, symbol: NOTHING, members: [NOTHING] }];
  counts.forEach((count, symbol) => count && groups.push({ count, symbol, members: [symbol] }));
  const lengths = new Map(groups.map(({ symbol }) => [symbol, 0]));
  while (groups.length > 1) {
    groups.sort((one, other) => other.count - one.count || one.symbol - other.symbol);
    const [next, least] = groups.splice(-2);
    const members = [...least.members, ...next.members];
    for (const symbol of members) lengths.set(symbol, lengths.get(symbol) + 1);
    groups.push({ count: least.count + next.count, symbol: least.symbol, members });
  }
  return lengths;
}

/** No code may have more than 16 bits (figure K.3). @param {Uint16Array} numbers of codes by length, changed in place */
function shorten(numbers) {
  for (let length = numbers.length - 1; length > LONGEST; length--) {
    while (numbers[length]) {
      let shorter = length - 2;
      while (!numbers[shorter]) shorter--;
      numbers[length] -= 2;
      numbers[length - 1]++;
      numbers[shorter + 1] += 2;
      numbers[shorter]--;
    }
  }
}
