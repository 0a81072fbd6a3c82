/** Visualisations of what the eye can't see. */

import { SHOWN } from "./constants.js";
import { toPicture } from "./format/planes.js";
import { blank } from "./picture.js";

const { GAIN } = SHOWN;
const CONTRAST = 2;

/** Absolute difference of two pictures of one size, times GAIN. */
export function amplified(one, other) {
  const shown = blank(one.width, one.height);
  for (let at = 0; at < shown.data.length; at++) {
    shown.data[at] = Math.min(255, GAIN * Math.abs(one.data[at] - other.data[at]));
  }
  return shown;
}

/** The scrambled residual, around mid-grey. */
export function shownResidual(scrambled, { width, height }, block) {
  const planes = new Float32Array(scrambled.length);
  for (let at = 0; at < planes.length; at++) planes[at] = 0.5 + CONTRAST * scrambled[at];
  return toPicture(planes, Math.floor(width / block) * block, Math.floor(height / block) * block).picture;
}
