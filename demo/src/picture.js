/**
 * A picture: 8-bit RGB, row by row, left to right, red, green, blue.
 *
 * @typedef {{width: number, height: number, data: Uint8Array}} Picture
 */

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
