/**
 * The JPEG that a robust container is written as: the cover's own, but for the luma of blocks that carry something, as
 * stegnet/methods/robust/picture_files.py.
 */

import { stepsOf, withPlanes } from "./coefficients.js";
import { shownLuma, transformed } from "./shown.js";
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
   * @param {import("./coefficients.js").JpegPicture} jpeg
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

  /** The file of a container. @param {import("../picture.js").Picture} container @returns {Uint8Array} */
  file(container) {
    const [before, ...others] = this.#jpeg.planes;
    const luma = before.slice();
    for (const { number, changes } of this.#changed(container)) {
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
    for (const { number, changes } of isWhole ? this.#changed(container) : this.#rounded(container)) {
      const block = new Float64Array(SIZE);
      for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = changes[at] * this.#steps[at];
      const added = transformed(block, true);
      for (const { at, pixel } of pixelsOf(result, number, cols)) {
        for (let place = 3 * pixel; place < 3 * pixel + 3; place++) result.data[place] += added[at];
      }
    }
    return { ...result, data: new Uint8Array(result.data) };
  }

  /** Blocks that differ from the cover's, and what is added to their coefficients, in steps. */
  *#changed(container) {
    const { rows, cols } = this.#jpeg.file.components[0];
    for (let number = 0; number < rows * cols; number++) {
      const block = new Float64Array(SIZE);
      let isSame = true;
      for (const { at, pixel } of pixelsOf(container, number, cols)) {
        block[at] = lumaAt(container, pixel) - lumaAt(this.#cover, pixel);
        isSame &&= block[at] === 0;
      }
      if (isSame) continue;
      const exact = transformed(block, false);
      const changes = Array.from(this.#steps, (step, at) =>
        Math.round(exact[ZIGZAG[at]] / step + (this.#errors?.[number * SIZE + at] ?? 0)),
      );
      yield { number, changes };
    }
  }

  /** All blocks of a picture of whole blocks, and what rounding adds to their coefficients, in steps. */
  *#rounded(picture) {
    const cols = picture.width / SIDE;
    for (let number = 0; number < (cols * picture.height) / SIDE; number++) {
      const block = new Float64Array(SIZE);
      for (const { at, pixel } of pixelsOf(picture, number, cols)) block[at] = lumaAt(picture, pixel) - 128;
      const exact = transformed(block, false);
      const changes = Array.from(this.#steps, (step, at) => {
        const steps = exact[ZIGZAG[at]] / step;
        return Math.round(steps) - steps;
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
