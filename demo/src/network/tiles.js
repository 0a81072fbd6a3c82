/**
 * Overlapping tiles, for pictures that are too large for one pass (docs/format.md, "The pixels").
 *
 * The grid depends on the picture's size alone. Each tile is computed with a margin that is then dropped. The tiles are
 * smaller than those of the format, to save memory and to show progress. The result is the same, because the margins
 * cover the receptive fields of the shipped networks.
 */

const SIDE = 512;
const STEP = 32; // tiles begin where the strides of the networks do

/**
 * Of each network: its receptive field in pixels to each side, in whole strides; and the side in pixels of what has one
 * value in each plane of its inputs, and of its output. The modem sees a block's neighbours.
 */
const NETWORKS = {
  prepare: { margin: 96, cells: [1], cell: 1 },
  enhance: { margin: 32, cells: [1], cell: 1 },
  hide: { margin: 64, cells: [1, 1], cell: 1 },
  reveal: { margin: 64, cells: [1], cell: 1 },
  restore: { margin: 32, cells: [1, 1], cell: 1 },
  "modem.hide": { margin: 8, cells: [1, 8], cell: 1 },
  "modem.reveal": { margin: 8, cells: [1, 8], cell: 8 },
};

/**
 * Planes as a network expects them.
 *
 * @typedef {{data: Float32Array, dims: [number, number, number, number]}} Batch dims: 1, planes, rows, columns
 */

/**
 * Runs a network tile by tile.
 *
 * @param {Float32Array[]} inputs planes (any number, height / cell, width / cell)
 * @param {(parts: Batch[]) => Promise<Float32Array>} compute runs the network
 * @returns {Promise<Float32Array>} planes
 */
export async function tiled(network, width, height, inputs, compute, onProgress) {
  const { margin, cells, cell } = NETWORKS[network];
  const all = tiles(margin, width, height);
  let result = null;
  for (const [done, tile] of all.entries()) {
    onProgress(done, all.length);
    const parts = inputs.map((planes, index) => cut(planes, width, height, tile.outer, cells[index]));
    const computed = await compute(parts);
    result ??= new Float32Array((computed.length / areaOf(tile.outer)) * width * height);
    paste(computed, result, width, height, tile, cell);
  }
  return result;
}

const areaOf = ({ top, bottom, left, right }) => (bottom - top) * (right - left);

/** @typedef {{top: number, bottom: number, left: number, right: number}} Box */

/** Each tile's output box, and its input box with the margin. @returns {{inner: Box, outer: Box}[]} */
function tiles(margin, width, height) {
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

/** A box in cells. */
const inCells = ({ top, bottom, left, right }, cell) => ({
  ...{ top: top / cell, bottom: bottom / cell, left: left / cell, right: right / cell },
});

/** Crops planes to a box. */
function cut(planes, width, height, box, cell) {
  const { top, bottom, left, right } = inCells(box, cell);
  const [across, area] = [width / cell, (width * height) / cell ** 2];
  const [rows, cols, count] = [bottom - top, right - left, planes.length / area];
  const data = new Float32Array(count * rows * cols);
  for (let plane = 0; plane < count; plane++) {
    for (let y = 0; y < rows; y++) {
      const from = plane * area + (top + y) * across + left;
      data.set(planes.subarray(from, from + cols), (plane * rows + y) * cols);
    }
  }
  return { data, dims: [1, count, rows, cols] };
}

/** Writes the inner box of a tile into the planes. */
function paste(part, planes, width, height, tile, cell) {
  const [inner, outer] = [inCells(tile.inner, cell), inCells(tile.outer, cell)];
  const [across, area] = [width / cell, (width * height) / cell ** 2];
  const [rows, cols, count] = [outer.bottom - outer.top, outer.right - outer.left, planes.length / area];
  for (let plane = 0; plane < count; plane++) {
    for (let y = inner.top; y < inner.bottom; y++) {
      const from = (plane * rows + y - outer.top) * cols + inner.left - outer.left;
      planes.set(part.subarray(from, from + inner.right - inner.left), plane * area + y * across + inner.left);
    }
  }
}

function spans(size) {
  const count = Math.ceil(size / SIDE);
  const edge = (index) => (index === count ? size : Math.round((size * index) / count / STEP) * STEP);
  return Array.from({ length: count }, (_, index) => [edge(index), edge(index + 1)]);
}
