/** Pictures as planes of floats, and the residual that the network hides (docs/format.md, "The pixels"). */

/** (3, height, width) in [0, 1]. @param {import("../picture.js").Picture} picture */
export function toPlanes({ width, height, data }) {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * area + pixel] = data[3 * pixel + channel] / 255;
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
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const exact = Math.min(Math.max(Math.fround(planes[channel * area + pixel] * 255), 0), 255);
      const level = roundEven(exact);
      data[3 * pixel + channel] = level;
      errors[3 * pixel + channel] = Math.round((exact - level) * 254);
    }
  }
  return { picture: { width, height, data }, errors };
}

/** What the network hides of a prepared secret. @param {import("./base.js").Base} base */
export function residualOf(planes, { picture, gain }) {
  return toPlanes(picture).map((value, at) => (planes[at] - value) * gain);
}

/** Undoes `residualOf`; not clamped. */
export function joined(residual, { picture, gain }) {
  return toPlanes(picture).map((value, at) => value + residual[at] / gain);
}

/** Planes plus a mask, or minus it. */
export const masked = (planes, mask, sign) => planes.map((value, at) => value + sign * mask[at]);

/** Moves samples outside [0, 1] by a period towards it. */
export const intoRange = (planes, period) =>
  planes.map((value) => (value < 0 ? value + period : value > 1 ? value - period : value));

/** Rounds halves to even, as NumPy and PyTorch do. */
export function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
