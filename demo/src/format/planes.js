/** Pictures as planes of floats, and the residual that the network hides (docs/format.md, "The pixels"). */

/** (3, height, width) in [0, 1]. @param {import("../picture.js").Picture} picture */
export function toPlanes({ width, height, data }) {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let channel = 0, to = 0; channel < 3; channel++) {
    for (let from = channel; from < data.length; from += 3) planes[to++] = data[from] / 255;
  }
  return planes;
}

/**
 * Planes as 8-bit samples, clamped and rounded.
 *
 * @returns {{picture: import("../picture.js").Picture, errors: Int8Array}} errors: exact minus rounded sample, in
 *   254ths of a level
 */
export function toPicture(planes, width, height) {
  const area = width * height;
  const data = new Uint8Array(3 * area);
  const errors = new Int8Array(3 * area);
  for (let channel = 0, from = 0; channel < 3; channel++) {
    for (let to = channel; to < data.length; to += 3) {
      const exact = Math.min(Math.max(Math.fround(planes[from++] * 255), 0), 255);
      const level = roundEven(exact);
      data[to] = level;
      errors[to] = Math.round((exact - level) * 254);
    }
  }
  return { picture: { width, height, data }, errors };
}

/** Planes of a prepared secret that the network hides: what its enhanced base leaves. */
export const residualOf = (planes, enhanced, gain) => planes.map((value, at) => (value - enhanced[at]) * gain);

/** Planes added up. @param {Float32Array[]} all */
export const summed = ([first, ...others]) =>
  others.reduce((sum, planes) => sum.map((value, at) => value + planes[at]), first);

/** Adds a mask to planes, or subtracts it, in place; returns them. */
export function masked(planes, mask, sign) {
  for (let at = 0; at < planes.length; at++) planes[at] += sign * mask[at];
  return planes;
}

/** Moves samples outside [0, 1] by a period towards it, in place; returns them. */
export function intoRange(planes, period) {
  for (let at = 0; at < planes.length; at++) {
    if (planes[at] < 0) planes[at] += period;
    else if (planes[at] > 1) planes[at] -= period;
  }
  return planes;
}

/** Rounds halves to even, as NumPy and PyTorch do. */
export function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
