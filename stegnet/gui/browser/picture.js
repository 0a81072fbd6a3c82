/**
 * A picture: 8-bit RGB, row by row, left to right, red, green, blue.
 *
 * @typedef {{width: number, height: number, data: Uint8Array}} Picture
 */

/** True if red, green and blue are equal in all pixels. */
export function isGrey({ data }) {
  for (let at = 0; at < data.length; at += 3) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return false;
  }
  return true;
}

/** Samples of each pixel where something is sealed: 1 in a grey picture, else 3. */
export const channelsOf = (picture) => (isGrey(picture) ? 1 : 3);

/** Every third value: of samples, those of the first channel. @template {Uint8Array | Uint16Array} T @param {T} values */
export const firstChannel = (values) => values.slice(0, values.length / 3).map((_, at) => values[3 * at]);

/** A black picture. */
export const blank = (width, height) => ({ width, height, data: new Uint8Array(width * height * 3) });

/** A picture of RGBA samples, whose alpha is left out. */
export function fromRgba({ width, height, data }) {
  const picture = blank(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) picture.data[3 * pixel + channel] = data[4 * pixel + channel];
  }
  return picture;
}

/** RGBA samples of a picture, which is opaque. */
export function toRgba({ width, height, data }) {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) rgba[4 * pixel + channel] = data[3 * pixel + channel];
  }
  return rgba;
}

/**
 * A picture of which parts are read: whole, or computed where they are asked for.
 *
 * @typedef {{width: number, height: number, part: (left: number, top: number, width: number, height: number) => Picture}}
 *   View
 */

/** A picture as a view, whose parts are copies. @param {Picture} picture @returns {View} */
export const asView = (picture) => ({
  width: picture.width,
  height: picture.height,
  part(left, top, width, height) {
    const part = blank(width, height);
    for (let y = 0; y < height; y++) {
      const from = 3 * ((top + y) * picture.width + left);
      part.data.set(picture.data.subarray(from, from + 3 * width), 3 * y * width);
    }
    return part;
  },
});

/** A copy of the top left corner. */
export const corner = (picture, width, height) => asView(picture).part(0, 0, width, height);

/** Pastes a picture over another, by default over its top left corner. */
export function place(part, picture, left = 0, top = 0) {
  const row = part.width * 3;
  for (let y = 0; y < part.height; y++) {
    picture.data.set(part.data.subarray(y * row, (y + 1) * row), 3 * ((top + y) * picture.width + left));
  }
}

/** Peak signal-to-noise ratio of two pictures of one size, in dB; Infinity if equal. */
export const psnr = (one, other) => psnrOf(squaredError(one.data, other.data), one.data.length);

/** The sum of the squared differences of samples. */
export function squaredError(one, other) {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] - other[at]) ** 2;
  return sum;
}

/** Peak signal-to-noise ratio in dB for a sum of squared differences of so many samples. */
export const psnrOf = (sum, samples) => 10 * Math.log10((255 ** 2 * samples) / sum);

/** (3, height, width) in [0, 1]. */
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
 * @returns {{picture: Picture, errors: Int8Array}} errors: exact minus rounded sample, in
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

/** Planes added up. */
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
