/**
 * Pictures that are too large for one pass, cut into tiles that overlap (docs/format.md, "The pixels").
 *
 * The grid depends on the picture's size alone. Each tile is computed with a margin that is then dropped; no network
 * of the shipped pair reaches further, so that the tiles' size doesn't change the samples, and those of this page may
 * be smaller than those of the Python package: a browser has less memory, and a visitor wants to see how far it is.
 */

export const MOST_ROWS = 512;
export const MOST_COLS = 1024;
export const MARGIN = 192;
const STEP = 32; // tiles begin where the strides of the networks do

/** @typedef {{top: number, bottom: number, left: number, right: number}} Box */

/** The tiles of a picture, and what is computed for each. @returns {{inner: Box, outer: Box}[]} */
export function tiles(width, height) {
  const [rows, cols] = [spans(height, MOST_ROWS), spans(width, MOST_COLS)];
  return rows.flatMap(([top, bottom]) =>
    cols.map(([left, right]) => ({
      inner: { top, bottom, left, right },
      outer: {
        top: Math.max(0, top - MARGIN),
        bottom: Math.min(height, bottom + MARGIN),
        left: Math.max(0, left - MARGIN),
        right: Math.min(width, right + MARGIN),
      },
    })),
  );
}

/** From three planes of a width, those within a box. */
export function cut(planes, width, { top, bottom, left, right }) {
  const area = planes.length / 3;
  const [rows, cols] = [bottom - top, right - left];
  const part = new Float32Array(3 * rows * cols);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < rows; y++) {
      const from = channel * area + (top + y) * width + left;
      part.set(planes.subarray(from, from + cols), (channel * rows + y) * cols);
    }
  }
  return part;
}

/** Writes what was computed for a tile's outer box into the planes, as far as its inner box goes. */
export function paste(part, planes, width, { inner, outer }) {
  const area = planes.length / 3;
  const [rows, cols] = [outer.bottom - outer.top, outer.right - outer.left];
  for (let channel = 0; channel < 3; channel++) {
    for (let y = inner.top; y < inner.bottom; y++) {
      const from = (channel * rows + y - outer.top) * cols + inner.left - outer.left;
      planes.set(part.subarray(from, from + inner.right - inner.left), channel * area + y * width + inner.left);
    }
  }
}

function spans(size, most) {
  const count = Math.ceil(size / most);
  const edge = (index) => (index === count ? size : Math.round((size * index) / count / STEP) * STEP);
  return Array.from({ length: count }, (_, index) => [edge(index), edge(index + 1)]);
}
