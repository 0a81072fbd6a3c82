/**
 * A JPEG to hide in, as stegnet/jpeg/cover.py and stegnet/methods/robust/robust_pictures.py: robust containers are
 * written as the cover's own JPEG but for the luma of blocks that carry something. Rounding errors of its coefficients are
 * known to whoever makes it, else estimated (Li, Chen, Zhang, Zhou, Wang, Yu: JPEG steganography with estimated
 * side-information, IEEE TCSVT 30(7), 2020).
 */

import { shownLuma, transformed } from "./blocks.js";
import { stepsOf, withPlanes } from "./coefficients.js";
import { edgeBlocks } from "./samples.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";

const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114];
const [MOST_FIRST, MOST] = [2047, 1023]; // coefficients that a JPEG of 8 bits has codes for
const ALIKE = 2; // levels, mean, between luma and what is shown of it

/** A cover's own JPEG, or one that was made of it. */
export class JpegCover {
  #jpeg;
  #cover;
  #errors;
  #steps;

  /**
   * @param {import("../picture.js").Picture} cover what viewers show of it
   * @param {Float32Array | null} errors what rounding took from luma's coefficients, if that is known
   */
  constructor(jpeg, cover, errors) {
    [this.#jpeg, this.#cover, this.#errors, this.#steps] = [jpeg, cover, errors, stepsOf(jpeg, 0)];
  }

  /** True if viewers show the stored pixels as they are, not turned. */
  get isUpright() {
    const { width, height } = this.#jpeg.file;
    if (width !== this.#cover.width || height !== this.#cover.height) return false;
    const [stored, stride] = [shownLuma(this.#jpeg), SIDE * this.#jpeg.file.components[0].cols];
    let apart = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) apart += Math.abs(stored[y * stride + x] - lumaAt(this.#cover, y * width + x));
    }
    return apart < ALIKE * width * height;
  }

  /** The file of a container. */
  file(container) {
    const [before, ...others] = this.#jpeg.planes;
    const luma = before.slice();
    for (const { number, changes } of this.#changes(container, true)) {
      for (let at = 0; at < SIZE; at++) {
        const most = at ? MOST : MOST_FIRST;
        luma[number * SIZE + at] = Math.min(Math.max(luma[number * SIZE + at] + changes[at], -most), most);
      }
    }
    return withPlanes(this.#jpeg, [luma, ...others]);
  }

  /** What viewers show of a container; of parts of it, put together, what the tables leave of them. */
  shown(container) {
    const isWhole = container.width === this.#cover.width && container.height === this.#cover.height;
    const from = isWhole ? this.#cover : container;
    const result = { ...from, data: Uint8ClampedArray.from(from.data) };
    const cols = isWhole ? this.#jpeg.file.components[0].cols : container.width / SIDE;
    for (const { number, changes } of this.#changes(container, isWhole)) {
      const block = new Float64Array(SIZE);
      for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = changes[at] * this.#steps[at];
      const added = transformed(block, true);
      for (const { at, pixel } of pixelsOf(result, number, cols)) {
        for (let place = 3 * pixel; place < 3 * pixel + 3; place++) result.data[place] += added[at];
      }
    }
    return { ...result, data: new Uint8Array(result.data) };
  }

  /**
   * What is added to the coefficients of blocks, in steps: of those of a whole container that differ from the cover's; or
   * of all blocks of a picture of whole blocks, by rounding.
   */
  *#changes(picture, isWhole) {
    const { rows, cols } = this.#jpeg.file.components[0];
    const [down, across] = isWhole ? [rows, cols] : [picture.height / SIDE, picture.width / SIDE];
    const fixed = isWhole ? edgeBlocks(this.#jpeg) : [];
    for (let number = 0; number < down * across; number++) {
      if (fixed[number]) continue;
      const block = new Float64Array(SIZE);
      for (const { at, pixel } of pixelsOf(picture, number, across)) {
        block[at] = lumaAt(picture, pixel) - (isWhole ? lumaAt(this.#cover, pixel) : 128);
      }
      if (isWhole && block.every((difference) => difference === 0)) continue;
      const exact = transformed(block, false);
      const changes = Array.from(this.#steps, (step, at) => {
        const steps = exact[ZIGZAG[at]] / step;
        if (!isWhole) return Math.round(steps) - steps;
        return Math.round(steps + (this.#errors?.[number * SIZE + at] ?? 0));
      });
      yield { number, changes };
    }
  }
}

const lumaAt = ({ data }, pixel) => RED * data[3 * pixel] + GREEN * data[3 * pixel + 1] + BLUE * data[3 * pixel + 2];

/** The places of a block's samples that lie in a picture, and the numbers of their pixels. */
function* pixelsOf({ width, height }, number, cols) {
  const [top, left] = [SIDE * Math.floor(number / cols), SIDE * (number % cols)];
  for (let at = 0; at < SIZE; at++) {
    const [y, x] = [top + (at >> 3), left + (at & 7)];
    if (y < height && x < width) yield { at, pixel: y * width + x };
  }
}

/**
 * Rounding errors of luma's coefficients, in steps, −0.5 to 0.5, block by block in zigzag order.
 *
 * @param {import("./libjpeg.js").Plane} plane luma of the picture that the JPEG was made of
 */
export function roundingErrors({ width, height, samples }, jpeg) {
  const at = (y, x) => samples[Math.min(y, height - 1) * width + Math.min(x, width - 1)];
  return differences(at, jpeg, (error) => Math.min(Math.max(error, -0.5), 0.5), Float32Array);
}

/** The signs of an estimate of `roundingErrors`: −1, 0 or 1. @param {Uint8ClampedArray} pixels as of `shownLuma` */
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
