/** A JPEG as something to seal in: coefficients of luma are samples (docs/format.md, "JPEG containers"). */

import { JPEG } from "../../page/constants.js";
import { join, u32 } from "../format/bytes.js";
import { COSINES, transformed } from "./blocks.js";
import { stepsOf } from "./coefficients.js";
import { unitsOf } from "./entropy.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";

const { CARRIED, GROUP, MIDDLE } = JPEG; // coefficients of a block, all but the first; sample of one that is 0
const LABEL = new TextEncoder().encode("stegnet/1/jpeg");

/** Luma's coefficients but the first of each block, as a frame of one channel: c is the sample (c + 128) mod 256. */
export function frameOf({ file, planes: [luma] }) {
  const [{ rows, cols }] = file.components;
  const data = new Uint8Array(CARRIED * rows * cols);
  for (let block = 0, to = 0; block < luma.length; block += SIZE) {
    for (let at = block + 1; at < block + SIZE; at++) data[to++] = luma[at] + MIDDLE; // modulo 256
  }
  return { width: CARRIED * cols, height: rows, data };
}

/** The planes of a JPEG with other samples, each a few steps from its own. */
export function withSamples({ planes: [before, ...chroma] }, samples) {
  const luma = before.slice();
  for (let block = 0, from = 0; block < luma.length; block += SIZE) {
    for (let at = block + 1; at < block + SIZE; at++) {
      luma[at] += ((samples[from++] - before[at] - MIDDLE) << 24) >> 24; // the step, as a signed byte
    }
  }
  return [luma, ...chroma];
}

/**
 * 1 for each block of luma that sticks out over the picture's edge, which encoders fill by a rule, or is beside a fill of
 * MCUs that says what it is; as stegnet/jpeg/samples.py.
 */
export function edgeBlocks({ file }) {
  const [{ rows, cols, across, down }] = file.components;
  let wholeRows = Math.floor(Math.ceil((file.height * down) / file.down) / SIDE);
  let wholeCols = Math.floor(Math.ceil((file.width * across) / file.across) / SIDE);
  if (file.scans.some(({ fill }) => fill)) {
    const [down8, across8] = unitsOf(file);
    if (down8 * down > rows) wholeRows = Math.min(wholeRows, rows - 1);
    if (across8 * across > cols) wholeCols = Math.min(wholeCols, cols - 1);
  }
  return Uint8Array.from({ length: rows * cols }, (_, at) => (at >= wholeRows * cols || at % cols >= wholeCols ? 1 : 0));
}

/**
 * 1 for each sample that must not change, since a step might be proven: of `edgeBlocks` and of blocks amid a flat area, and
 * those whose step may bring a pixel beyond its range.
 */
export function fixedSamples(jpeg) {
  if (!known.has(jpeg)) known.set(jpeg, findFixed(jpeg));
  return known.get(jpeg);
}

const known = new WeakMap();

function findFixed(jpeg) {
  const [{ planes: [luma] }, steps, edges] = [jpeg, stepsOf(jpeg, 0), edgeBlocks(jpeg)];
  const flat = flatBlocks(jpeg);
  const reach = Array.from({ length: SIZE }, (_, at) => steps[at] * HIGHEST[at]);
  const fixed = new Uint8Array(CARRIED * edges.length);
  for (let block = 0; block < edges.length; block++) {
    const whole = edges[block] || flat[block];
    const room = whole ? 0 : roomOf(luma.subarray(SIZE * block, SIZE * (block + 1)), steps);
    for (let at = 1; at < SIZE; at++) fixed[CARRIED * block + at - 1] = whole || room < reach[at] ? 1 : 0;
  }
  return fixed;
}

/** The largest pixel that each coefficient of 1 makes. */
const HIGHEST = Array.from(ZIGZAG, (natural) => {
  const [row, column] = [natural >> 3, natural & 7];
  const most = (frequency) => Math.max(...COSINES.slice(SIDE * frequency, SIDE * (frequency + 1)).map(Math.abs));
  return most(row) * most(column);
});

/** Levels that the pixels of a block stay away from the ends of their range, at least; negative if they are beyond. */
function roomOf(levels, steps) {
  const block = new Float32Array(SIZE);
  for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = levels[at] * steps[at];
  return transformed(block, true).reduce((room, pixel) => Math.min(room, pixel + MIDDLE, 255 - MIDDLE - pixel), Infinity);
}

/** 1 for each block of one colour amid eight others of that colour, a picture's border repeated. */
function flatBlocks({ file, planes: [luma] }) {
  const [{ rows, cols }] = file.components;
  const colours = Array.from({ length: rows * cols }, (_, block) => {
    const levels = luma.subarray(SIZE * block, SIZE * (block + 1));
    return levels.every((level, at) => at === 0 || level === 0) ? levels[0] : null;
  });
  const near = (at, size) => [Math.max(at - 1, 0), at, Math.min(at + 1, size - 1)];
  return colours.map((colour, at) => {
    if (colour === null) return 0;
    const [row, col] = [Math.floor(at / cols), at % cols];
    return near(row, rows).every((y) => near(col, cols).every((x) => colours[y * cols + x] === colour)) ? 1 : 0;
  });
}

/** Coefficients, without what their MAC covers besides. @type {import("../format/sample_order.js").SampleModel} */
export const COEFFICIENTS = { share: GROUP };

/** A JPEG's coefficients; the MAC covers size, tables, the first coefficients of luma, and chroma, by their SHA-256. */
export async function mediumOf(jpeg) {
  const parts = jpeg.file.components.flatMap(({ across, down, rows, cols }, index) => {
    const shown = index ? jpeg.planes[index] : jpeg.planes[0].filter((_, at) => at % SIZE === 0);
    return [[across, down], u32(rows), u32(cols), words(stepsOf(jpeg, index)), words(shown)];
  });
  const size = [u32(jpeg.file.height), u32(jpeg.file.width)];
  const context = new Uint8Array(await crypto.subtle.digest("SHA-256", join(LABEL, ...size, ...parts)));
  return { ...COEFFICIENTS, context };
}

/** Numbers of 16 bits, their higher byte first. */
function words(values) {
  const bytes = new Uint8Array(2 * values.length);
  for (let at = 0; at < values.length; at++) {
    bytes[2 * at] = values[at] >> 8;
    bytes[2 * at + 1] = values[at];
  }
  return bytes;
}
