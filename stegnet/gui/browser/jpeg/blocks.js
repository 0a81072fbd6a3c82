/** The DCT of blocks of 8×8 samples, and luma as viewers show it. */

import { stepsOf } from "./coefficients.js";
import { SIDE, SIZE, ZIGZAG } from "./tables.js";

/** The orthonormal DCT, type II: frequency by place. */
export const COSINES = Float64Array.from({ length: SIZE }, (_, at) => {
  const [frequency, place] = [at >> 3, at & 7];
  return (Math.cos(((2 * place + 1) * frequency * Math.PI) / 16) / 2) * (frequency ? 1 : Math.SQRT1_2);
});

/** Luma of a JPEG's blocks, row by row, 0 to 255. */
export function shownLuma(jpeg) {
  const [{ rows, cols }] = jpeg.file.components;
  const [luma, steps] = [jpeg.planes[0], stepsOf(jpeg, 0)];
  const pixels = new Uint8ClampedArray(rows * cols * SIZE);
  const block = new Float64Array(SIZE);
  for (let number = 0; number < rows * cols; number++) {
    for (let at = 0; at < SIZE; at++) block[ZIGZAG[at]] = luma[number * SIZE + at] * steps[at];
    const shown = transformed(block, true);
    const start = Math.floor(number / cols) * SIZE * cols + (number % cols) * SIDE;
    for (let at = 0; at < SIZE; at++) pixels[start + (at >> 3) * SIDE * cols + (at & 7)] = shown[at] + 128;
  }
  return pixels;
}

const [half, whole] = [new Float64Array(SIZE), new Float64Array(SIZE)];

/** The DCT of a block, or its inverse; the result is overwritten by the next. */
export function transformed(block, isInverse) {
  const [across, down] = isInverse ? [1, SIDE] : [SIDE, 1]; // strides of places and frequencies in COSINES
  for (let row = 0; row < SIDE; row++) {
    for (let to = 0; to < SIDE; to++) {
      let sum = 0;
      for (let from = 0; from < SIDE; from++) sum += block[row * SIDE + from] * COSINES[to * across + from * down];
      half[row * SIDE + to] = sum;
    }
  }
  for (let col = 0; col < SIDE; col++) {
    for (let to = 0; to < SIDE; to++) {
      let sum = 0;
      for (let from = 0; from < SIDE; from++) sum += half[from * SIDE + col] * COSINES[to * across + from * down];
      whole[to * SIDE + col] = sum;
    }
  }
  return whole;
}
