/**
 * Costs of changing a JPEG's coefficients by J-UNIWARD (Holub, Fridrich, Denemark: Universal distortion function for
 * steganography in an arbitrary domain, EURASIP JIS 2014:1), as stegnet/methods/jpeg/costs.py has them. Readers don't
 * depend on them.
 */

import { JPEG_COSTS } from "../constants.js";
import { finalCosts, middle } from "../format/costs.js";
import { stepsOf } from "./coefficients.js";
import { roundingDirections } from "./rounding.js";
import { shownLuma } from "./shown.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";
import { makeWavelets } from "./wavelets.js";

const { ESTIMATED, KNOWN, RATIONAL, TIE, USUAL, WET } = JPEG_COSTS; // RATIONAL: coefficients whose cosines are, but for the first
const CARRIED = SIZE - 1;

/**
 * Costs of the steps of luma's samples.
 *
 * @param {import("./coefficients.js").JpegPicture} jpeg
 * @param {Uint8Array} samples
 * @param {(size: number) => Uint8Array} random
 * @param {object} options
 * @param {Float32Array | null} options.errors what rounding took from luma's coefficients: a step towards it costs
 *   1 − 2·|error| of others, at least 0.3 (Denemark, Fridrich: Side-informed steganography with additive distortion,
 *   WIFS 2015); null: it is not known, and estimated
 * @param {(stage: string, done: number, total: number) => void} options.onProgress
 * @returns {import("../format/costs.js").StepCosts}
 */
export function coefficientCosts(jpeg, samples, random, { errors, onProgress }) {
  const pixels = shownLuma(jpeg);
  const changes = relativeChanges(jpeg, pixels, onProgress);
  const factor = USUAL / medianOf(changes, jpeg.planes[0]);
  const wet = clippedBlocks(pixels, jpeg.file.components[0]);
  const gain = errors ? knownGain(errors) : estimatedGain(roundingDirections(pixels, jpeg));
  const levels = (sign) => {
    const found = new Uint16Array(changes.length);
    for (let at = 0; at < found.length; at++) {
      const [block, place] = [Math.floor(at / CARRIED), at % CARRIED];
      const cost = factor * changes[at] * (1 - Math.max(sign * gain(block * SIZE + 1 + place, place), 0));
      found[at] = wet[block] ? WET : Math.min(Math.max(cost, 1), WET);
    }
    return found;
  };
  return finalCosts(samples, { up: levels(1), down: levels(-1) }, random);
}

/** Gain of a step up, or (negative) of one down; ties that only rational cosines give are no gain. */
const knownGain = (errors) => (at, place) => {
  const gained = 2 * errors[at];
  const isTie = RATIONAL.includes(place) && Math.abs(gained) >= TIE;
  return isTie ? 0 : Math.min(Math.max(gained, -KNOWN), KNOWN);
};

const estimatedGain = (directions) => (at) => ESTIMATED * directions[at];

/** The change of wavelet coefficients, each relative to its own size, that a step of each sample makes. */
function relativeChanges(jpeg, pixels, onProgress) {
  const [{ rows, cols }] = jpeg.file.components;
  const steps = stepsOf(jpeg, 0);
  const changes = new Float32Array(rows * cols * CARRIED);
  const changesIn = makeWavelets(pixels, SIDE * cols, SIDE * rows);
  for (let row = 0, to = 0; row < rows; row++) {
    const natural = changesIn(row);
    for (let block = 0; block < cols; block++) {
      for (let at = 1; at < SIZE; at++) changes[to++] = natural[SIZE * block + ZIGZAG[at]] * steps[at];
    }
    onProgress("costs", row + 1, rows);
  }
  return changes;
}

/** The median of the coefficients that are not 0, if there are any. */
function medianOf(changes, luma) {
  const used = changes.filter((_, at) => luma[at + 1 + Math.floor(at / CARRIED)] !== 0);
  const some = used.length ? used : changes;
  const place = middle(new Int32Array(some.buffer)); // bits of positive floats are in their order
  return new Float32Array(Int32Array.of(place).buffer)[0];
}

/** 1 for each block with a pixel at an end of the range. */
function clippedBlocks(pixels, { rows, cols }) {
  const found = new Uint8Array(rows * cols);
  for (let at = 0; at < pixels.length; at++) {
    if (pixels[at] > 0 && pixels[at] < 255) continue;
    const [y, x] = [Math.floor(at / (SIDE * cols)), at % (SIDE * cols)];
    found[(y >> 3) * cols + (x >> 3)] = 1;
  }
  return found;
}
