/**
 * Rounding errors of a JPEG's coefficients: known to whoever makes it, else estimated (Li, Chen, Zhang, Zhou, Wang,
 * Yu: JPEG steganography with estimated side-information, IEEE TCSVT 30(7), 2020), as stegnet/methods/jpeg/rounding.py.
 */

import { stepsOf } from "./coefficients.js";
import { transformed } from "./shown.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";

/**
 * Rounding errors of luma's coefficients, in steps, −0.5 to 0.5, block by block in zigzag order.
 *
 * @param {import("./planes.js").Plane} plane luma of the picture that the JPEG was made of
 * @param {import("./coefficients.js").JpegPicture} jpeg
 */
export function roundingErrors({ width, height, samples }, jpeg) {
  const at = (y, x) => samples[Math.min(y, height - 1) * width + Math.min(x, width - 1)];
  return differences(at, jpeg, (error) => Math.min(Math.max(error, -0.5), 0.5), Float32Array);
}

/**
 * The signs of an estimate of `roundingErrors`: −1, 0 or 1.
 *
 * @param {Uint8ClampedArray} pixels as of `shownLuma`
 * @param {import("./coefficients.js").JpegPicture} jpeg
 */
export function roundingDirections(pixels, jpeg) {
  const [{ rows, cols }] = jpeg.file.components;
  return differences(smoothed(pixels, SIDE * cols, SIDE * rows), jpeg, Math.sign, Int8Array);
}

/** A function that gives pixels after a Wiener filter of 3×3, whose noise is the mean of the windows' variances. */
function smoothed(pixels, width, height) {
  const moments = (y, x) => {
    let [sum, squares] = [0, 0];
    for (let row = y - 1; row <= y + 1; row++) {
      const start = Math.min(Math.max(row, 0), height - 1) * width;
      for (let col = x - 1; col <= x + 1; col++) {
        const value = pixels[start + Math.min(Math.max(col, 0), width - 1)];
        sum += value;
        squares += value * value;
      }
    }
    return [sum / 9, Math.max(squares / 9 - (sum / 9) ** 2, 0)];
  };
  let noise = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) noise += moments(y, x)[1] / pixels.length;
  }
  return (y, x) => {
    const [mean, variance] = moments(y, x);
    return variance > noise ? mean + (1 - noise / variance) * (pixels[y * width + x] - mean) : mean;
  };
}

/** For each of luma's coefficients, what `take` makes of the difference of a picture's from it, in steps. */
function differences(pixelAt, jpeg, take, Kind) {
  const [{ rows, cols }] = jpeg.file.components;
  const [luma, steps] = [jpeg.planes[0], stepsOf(jpeg, 0)];
  const found = new Kind(luma.length);
  const block = new Float64Array(SIZE);
  for (let number = 0; number < rows * cols; number++) {
    const [top, left] = [Math.floor(number / cols) * SIDE, (number % cols) * SIDE];
    for (let at = 0; at < SIZE; at++) block[at] = pixelAt(top + (at >> 3), left + (at & 7)) - 128;
    const exact = transformed(block, false);
    for (let at = 0; at < SIZE; at++) {
      found[number * SIZE + at] = take(exact[ZIGZAG[at]] / steps[at] - luma[number * SIZE + at]);
    }
  }
  return found;
}
