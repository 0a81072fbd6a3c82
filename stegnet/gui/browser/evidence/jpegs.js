/** Evidence in a JPEG that stays one: would a changed coefficient be proof (stegnet/jpeg/evidence.py)? */

import { EVIDENCE } from "../../page/constants.js";
import { transformed } from "../jpeg/blocks.js";
import { stepsOf } from "../jpeg/coefficients.js";
import { SIDE as BLOCK, SIZE, ZIGZAG } from "../jpeg/tables.js";
import { DctHistograms } from "./grid.js";
import { SIDE, starts } from "./tiles.js";

const { GAP, JPEG_REPEATS, LOW, MOST_GAPS, OFTEN, OTHER_GRID, TWICE } = EVIDENCE;
const TURNED = turnedPlaces();

/** What proves a changed coefficient of a JPEG's luma, in words; null if nothing is known to. */
export function jpegProof(jpeg) {
  const luma = jpeg.planes[0];
  if (savedTwice(luma)) return TWICE;
  const [{ rows, cols }] = jpeg.file.components;
  const [steps, blocks] = [stepsOf(jpeg, 0), SIDE / BLOCK];
  const pooled = new DctHistograms();
  for (const [top, left] of starts(rows, cols, blocks)) {
    const [tall, wide] = [Math.min(blocks, rows - top), Math.min(blocks, cols - left)];
    const pixels = shown(luma, steps, cols, top, left, tall, wide);
    const grid = new DctHistograms();
    grid.add(0, 0, pixels, tall * BLOCK, wide * BLOCK);
    if (grid.wasQuantised()) return OTHER_GRID;
    pooled.join(grid);
  }
  if (pooled.wasQuantised()) return OTHER_GRID;
  return repeatsBlocks(luma) ? JPEG_REPEATS : null;
}

/** Luma of a part of a JPEG, less its middle level. */
function shown(luma, steps, cols, top, left, tall, wide) {
  const pixels = new Float32Array(tall * wide * SIZE);
  const block = new Float64Array(SIZE);
  for (let row = 0; row < tall; row++) {
    for (let column = 0; column < wide; column++) {
      const from = ((top + row) * cols + left + column) * SIZE;
      for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = luma[from + at] * steps[at];
      const levels = transformed(block, true);
      for (let at = 0; at < SIZE; at++) {
        const to = (row * BLOCK + (at >> 3)) * wide * BLOCK + column * BLOCK + (at & 7);
        pixels[to] = Math.min(Math.max(Math.round(levels[at]), -128), 127);
      }
    }
  }
  return pixels;
}

/** True if coefficients show that a JPEG was saved with coarser tables before. */
function savedTwice(luma) {
  let gaps = 0;
  for (let frequency = 1; frequency <= LOW; frequency++) {
    const counts = new Uint32Array(1 << 16);
    for (let at = frequency; at < luma.length; at += SIZE) counts[Math.abs(luma[at])]++;
    let [beyond, isGap] = [0, false]; // the most of any larger value
    for (let value = counts.length - 1; value > 0; value--) {
      isGap ||= beyond >= OFTEN && counts[value] < GAP * beyond;
      beyond = Math.max(beyond, counts[value]);
    }
    if (isGap) gaps++;
  }
  return gaps > MOST_GAPS;
}

/** True if many varied blocks occur elsewhere, maybe mirrored or turned, which only changes signs or axes. */
function repeatsBlocks(luma) {
  const counts = new Map();
  let varied = 0;
  for (let start = 0; start < luma.length; start += SIZE) {
    const block = luma.subarray(start, start + SIZE);
    let [nonzero, sum] = [0, 0];
    for (let at = 1; at < SIZE; at++) {
      if (block[at]) nonzero++;
      sum += Math.abs(block[at]);
    }
    if (nonzero < 12 || sum < 30) continue;
    varied++;
    const key = Math.min(hashed(block, ZIGZAG.keys()), hashed(block, TURNED));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (varied < SIZE) return false;
  let again = 0;
  for (const count of counts.values()) if (count > 1) again += count;
  return again >= 0.05 * varied;
}

/** A number of 53 bits for the levels of a block, without signs, in some order. */
function hashed(block, order) {
  let [low, high] = [1, 1];
  for (const at of order) {
    if (!at) continue; // the block's mean
    const level = Math.abs(block[at]);
    low = Math.imul(low ^ level, 0x01000193);
    high = Math.imul(high + level, 0x5bd1e995) ^ (high >>> 15);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

/** Places of the transposed frequencies, in zigzag order. */
function turnedPlaces() {
  const order = new Uint8Array(SIZE);
  ZIGZAG.forEach((place, at) => (order[place] = at));
  return Uint8Array.from(ZIGZAG, (place) => order[(place % BLOCK) * BLOCK + (place >> 3)]);
}
