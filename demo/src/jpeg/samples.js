/** A JPEG as something to seal in: coefficients of luma are samples (docs/format.md, "JPEG containers"). */

import { JPEG } from "../constants.js";
import { join, u32 } from "../format/bytes.js";
import { stepsOf } from "./coefficients.js";
import { unitsOf } from "./entropy.js";
import { SIDE, SIZE } from "./tables.js";

const { CARRIED, GROUP, MIDDLE } = JPEG; // coefficients of a block, all but the first; sample of one that is 0
const LABEL = new TextEncoder().encode("stegnet/2/jpeg");

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
 * 1 for each block of luma in which a step would be proven: those that stick out over the picture's edge, which encoders
 * fill by a rule, and those beside a fill of MCUs that says what they are; as stegnet/sealing/jpeg_carriers.py.
 */
export function fixedBlocks({ file }) {
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

/** 1 for each sample that must not change; null if all may. */
export function fixedSamples(jpeg) {
  const blocks = fixedBlocks(jpeg);
  if (!blocks.includes(1)) return null;
  return Uint8Array.from({ length: CARRIED * blocks.length }, (_, at) => blocks[Math.floor(at / CARRIED)]);
}

/** Coefficients, without what their MAC covers besides. @type {import("../format/carriers.js").CarrierModel} */
export const COEFFICIENTS = { share: GROUP };

/** A JPEG's coefficients; the MAC covers its tables, the first coefficients of luma, and chroma, by their SHA-256. */
export async function mediumOf(jpeg) {
  const parts = jpeg.file.components.flatMap(({ across, down, rows, cols }, index) => {
    const shown = index ? jpeg.planes[index] : jpeg.planes[0].filter((_, at) => at % SIZE === 0);
    return [[across, down], u32(rows), u32(cols), words(stepsOf(jpeg, index)), words(shown)];
  });
  const context = new Uint8Array(await crypto.subtle.digest("SHA-256", join(LABEL, ...parts)));
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
