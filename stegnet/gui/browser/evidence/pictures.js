/** Evidence in a cover: would a change of ±1 be proof by itself (stegnet/media/evidence/pictures.py, stegnet/jpeg/evidence.py)? */

import { EVIDENCE } from "../../page/constants.js";
import { changesInBand } from "./band.js";
import { latticeProof } from "./lattice.js";
import { follows } from "./prediction.js";
import { repeats } from "./repeats.js";
import { tiles } from "./tiles.js";

const { FLAT, FOLLOWS, REPEATS } = EVIDENCE;
const LOOKED_AT = 1 << 20; // pixels, in evenly spaced rows
const MOSTLY = 0.8; // share of pixels that equal the next one
const pause = () => new Promise((resolve) => setTimeout(resolve)); // so that the page stays responsive

/**
 * Evidence in a picture's samples.
 *
 * @returns {Promise<{proof: string | null, changes: number}>} proof: what proves a single change, in words; changes:
 *   number of changed samples that a detector finds with an AUC of .6
 */
export async function pictureEvidence(picture) {
  const proof = isFlat(picture) ? FLAT : await proofIn(picture);
  return { proof, changes: proof ? Infinity : changesInBand(picture) };
}

async function proofIn(picture) {
  const parts = tiles(picture);
  const lattice = await latticeProof(parts, pause);
  if (lattice) return lattice;
  if (await follows(parts, pause)) return FOLLOWS;
  return (await repeats(picture, pause)) ? REPEATS : null;
}

/** True if most pixels equal the next one in their row. */
function isFlat({ width, height, data }) {
  let [equal, count] = [0, 0];
  const apart = Math.ceil((width * height) / LOOKED_AT);
  for (let y = 0; y < height; y += apart) {
    count += width - 1;
    for (let at = 3 * y * width; at < 3 * ((y + 1) * width - 1); at += 3) {
      if (data[at] === data[at + 3] && data[at + 1] === data[at + 4] && data[at + 2] === data[at + 5]) equal++;
    }
  }
  return equal > MOSTLY * count;
}
