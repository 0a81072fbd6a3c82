/**
 * Overlapping tiles, for pictures that are too large for one pass (docs/format.md, "The pixels").
 *
 * The grid depends on the picture's size alone. Each tile is computed with a margin that is then dropped. The tiles are
 * smaller than those of the format, to save memory and to show progress. The result is the same, because the margins
 * cover the receptive fields of the shipped networks.
 */

const SIDE = 512;
const STEP = 32; // tiles begin where the strides of the networks do

/** Receptive field of each network in pixels to each side; multiples of 32. */
const MARGINS = { prepare: 96, hide: 64, reveal: 64, restore: 96 };

/**
 * Runs a network tile by tile.
 *
 * @param {keyof typeof MARGINS} network
 * @param {number} width
 * @param {number} height
 * @param {Float32Array[]} inputs planes (3, height, width)
 * @param {(parts: Float32Array[], width: number, height: number) => Promise<Float32Array>} compute runs the network
 * @param {(done: number, total: number) => void} onProgress
 */
export async function tiled(network, width, height, inputs, compute, onProgress) {
  const result = new Float32Array(3 * width * height);
  const all = tiles(network, width, height);
  for (const [done, tile] of all.entries()) {
    onProgress(done, all.length);
    const { top, bottom, left, right } = tile.outer;
    const parts = inputs.map((planes) => cut(planes, width, tile.outer));
    paste(await compute(parts, right - left, bottom - top), result, width, tile);
  }
  return result;
}

/** @typedef {{top: number, bottom: number, left: number, right: number}} Box */

/** Each tile's output box, and its input box with the margin. @returns {{inner: Box, outer: Box}[]} */
function tiles(network, width, height) {
  const margin = MARGINS[network];
  const [rows, cols] = [spans(height), spans(width)];
  return rows.flatMap(([top, bottom]) =>
    cols.map(([left, right]) => ({
      inner: { top, bottom, left, right },
      outer: {
        top: Math.max(0, top - margin),
        bottom: Math.min(height, bottom + margin),
        left: Math.max(0, left - margin),
        right: Math.min(width, right + margin),
      },
    })),
  );
}

/** Crops three planes to a box. */
function cut(planes, width, { top, bottom, left, right }) {
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

/** Writes the inner box of a tile into the planes. */
function paste(part, planes, width, { inner, outer }) {
  const area = planes.length / 3;
  const [rows, cols] = [outer.bottom - outer.top, outer.right - outer.left];
  for (let channel = 0; channel < 3; channel++) {
    for (let y = inner.top; y < inner.bottom; y++) {
      const from = (channel * rows + y - outer.top) * cols + inner.left - outer.left;
      planes.set(part.subarray(from, from + inner.right - inner.left), channel * area + y * width + inner.left);
    }
  }
}

function spans(size) {
  const count = Math.ceil(size / SIDE);
  const edge = (index) => (index === count ? size : Math.round((size * index) / count / STEP) * STEP);
  return Array.from({ length: count }, (_, index) => [edge(index), edge(index + 1)]);
}
