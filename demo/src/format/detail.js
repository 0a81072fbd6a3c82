/** The detail that the network hides: a picture minus the means of its 8×8 blocks (docs/format.md, "The pixels"). */

export const CELL = 8;
const GREY = 0.5;

/** (3, height, width) in [0, 1]. @param {import("../picture.js").Picture} picture */
export function toPlanes({ width, height, data }) {
  const area = width * height;
  const planes = new Float32Array(3 * area);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * area + pixel] = data[3 * pixel + channel] / 255;
  }
  return planes;
}

/**
 * Planes as 8-bit samples, clamped and rounded.
 *
 * @returns {{picture: import("../picture.js").Picture, roundingDirection: Int8Array}} roundingDirection: 1
 *   where a sample was rounded down, else -1
 */
export function toPicture(planes, width, height) {
  const area = width * height;
  const data = new Uint8Array(3 * area);
  const roundingDirection = new Int8Array(3 * area);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const exact = Math.fround(planes[channel * area + pixel] * 255); // at 32 bits, as Python rounds
      const level = roundEven(Math.min(Math.max(exact, 0), 255));
      data[3 * pixel + channel] = level;
      roundingDirection[3 * pixel + channel] = exact > level ? 1 : -1;
    }
  }
  return { picture: { width, height, data }, roundingDirection };
}

/** The mean of each 8×8 block, rounded: (rows, cols, 3). */
export function blockMeans({ width, height, data }) {
  const [rows, cols] = [height / CELL, width / CELL];
  const sums = new Uint32Array(rows * cols * 3);
  for (let y = 0, sample = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * cols;
    for (let x = 0; x < width; x++) {
      const cell = 3 * (row + Math.floor(x / CELL));
      for (let channel = 0; channel < 3; channel++) sums[cell + channel] += data[sample++];
    }
  }
  return Uint8Array.from(sums, (sum) => roundEven(sum / CELL ** 2));
}

/** The detail of a prepared or revealed picture: minus each block's own mean, or minus grey without the detail layer. */
export function detailOf(planes, width, layer) {
  return layer ? shifted(planes, width, (own) => -own) : planes.map((value) => value - GREY);
}

/** Planes with each block's mean set to the known one; plus grey if there are no means. */
export function addBase(planes, width, means) {
  if (!means) return planes.map((value) => value + GREY);
  return withBlockMeans(planes, width, means);
}

/** Planes with each block's mean set to the known one; unchanged if there are no means. */
export function withBlockMeans(planes, width, means) {
  if (!means) return planes;
  return shifted(planes, width, (own, channel, block) => means[3 * block + channel] / 255 - own);
}

/** Adds to each 8×8 block `shift` of its own mean, its channel and its index. */
function shifted(planes, width, shift) {
  const area = planes.length / 3;
  const cols = width / CELL;
  const result = new Float32Array(planes.length);
  for (let channel = 0; channel < 3; channel++) {
    for (let block = 0; block < area / CELL ** 2; block++) {
      const corner = channel * area + Math.floor(block / cols) * CELL * width + (block % cols) * CELL;
      let sum = 0;
      eachInside(corner, width, (at) => (sum += planes[at]));
      const move = shift(sum / CELL ** 2, channel, block);
      eachInside(corner, width, (at) => (result[at] = planes[at] + move));
    }
  }
  return result;
}

function eachInside(corner, width, visit) {
  for (let y = 0; y < CELL; y++) {
    for (let x = 0; x < CELL; x++) visit(corner + y * width + x);
  }
}

/** Rounds halves to even, as NumPy and PyTorch do. */
function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}
