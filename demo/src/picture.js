/**
 * A picture: 8-bit RGB, row by row, left to right, red, green, blue.
 *
 * @typedef {{width: number, height: number, data: Uint8Array}} Picture
 */

/** True if red, green and blue are equal in all pixels. @param {Picture} picture */
export function isGrey({ data }) {
  for (let at = 0; at < data.length; at += 3) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return false;
  }
  return true;
}

/** Samples of each pixel where something is sealed: 1 in a grey picture, else 3. @param {Picture} picture */
export const channelsOf = (picture) => (isGrey(picture) ? 1 : 3);

/** Every third value: of samples, those of the first channel. @template {Uint8Array | Uint16Array} T @param {T} values */
export const firstChannel = (values) => values.slice(0, values.length / 3).map((_, at) => values[3 * at]);

/** A black picture. */
export const blank = (width, height) => ({ width, height, data: new Uint8Array(width * height * 3) });

/** A copy of the top left corner. */
export function corner(picture, width, height) {
  const part = blank(width, height);
  for (let y = 0; y < height; y++) {
    const from = y * picture.width * 3;
    part.data.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return part;
}

/** Pastes a picture over the top left corner of another. */
export function place(part, picture) {
  const row = part.width * 3;
  for (let y = 0; y < part.height; y++) {
    picture.data.set(part.data.subarray(y * row, (y + 1) * row), y * picture.width * 3);
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
