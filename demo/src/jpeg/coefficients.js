/**
 * Coefficients of a JPEG, and the file with others in their place. Every byte outside of the entropy-coded data stays;
 * only Huffman tables that an encoder made for a file's own coefficients are made anew, as it would make them, and those
 * that have no code for the new ones.
 */

import { join } from "../format/bytes.js";
import { decodeScan } from "./decode.js";
import { codeScan, Counter, ScanWriter } from "./encode.js";
import { damaged, parseJpeg } from "./markers.js";
import { optimalTable } from "./optimal.js";
import { SIZE } from "./tables.js";

/**
 * A JPEG, by its coefficients: of each component the quantised ones, block by block in zigzag order.
 *
 * @typedef {{file: import("./markers.js").JpegFile, planes: Int16Array[]}} JpegPicture
 */

/** Reads the coefficients of a JPEG. @param {Uint8Array} bytes @returns {JpegPicture} @throws {PageError} */
export function readJpeg(bytes) {
  const file = parseJpeg(bytes);
  if (file.components.some(({ table }) => !file.quantisation.has(table))) throw damaged();
  const planes = file.components.map(({ rows, cols }) => new Int16Array(rows * cols * SIZE));
  for (const scan of file.scans) decodeScan(file, scan, planes);
  return { file, planes };
}

/** The quantisation table of a component, in zigzag order. @param {JpegPicture} jpeg */
export const stepsOf = ({ file }, component) => file.quantisation.get(file.components[component].table);

/**
 * The file with other coefficients, up to 1,023, the first of each block 2,047.
 *
 * @param {JpegPicture} jpeg
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
    const wasOptimal = own && isSame(optimalTable(own), body);
    found.set(start, counts && (wasOptimal || lacks(body, counts)) ? optimalTable(counts) : body);
  }
  return found;
}

/** Uses of each symbol of each table, by where the file has it. */
function uses(file, planes) {
  const counts = new Map();
  for (const scan of file.scans) {
    const counter = new Counter((key) => {
      const { start } = scan.tables.get(key);
      if (!counts.has(start)) counts.set(start, new Uint32Array(256));
      return counts.get(start);
    });
    codeScan(file, scan, planes, counter);
  }
  return counts;
}

const isSame = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

function lacks(body, counts) {
  const symbols = new Set(body.subarray(16));
  return counts.some((count, symbol) => count && !symbols.has(symbol));
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
