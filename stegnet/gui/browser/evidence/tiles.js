/** Parts of a picture that are asked one by one, as stegnet/media/evidence/tiles.py has them. */

export const SIDE = 256; // pixels of a tile
const [FEWER, MORE] = [3, 4]; // tiles along the sides of a picture

/** Upper left corners, [row, column], of squares that are spread evenly over so many rows and columns. */
export function starts(height, width, side) {
  const most = height <= width ? [FEWER, MORE] : [MORE, FEWER];
  const [rows, columns] = [height, width].map((length, axis) => {
    const count = Math.min(most[axis], Math.ceil(length / side));
    return spread(Math.max(length - side, 0), count);
  });
  return rows.flatMap((row) => columns.map((column) => [row, column]));
}

/** So many whole numbers from 0 to `last`. */
export const spread = (last, count) =>
  Array.from({ length: count }, (_, at) => (count > 1 ? Math.floor((at * last) / (count - 1)) : 0));

/** A dozen parts of a picture; fewer of a small one. @returns {{top: number, left: number, width, height, data}[]} */
export const tiles = (picture) =>
  starts(picture.height, picture.width, SIDE).map(([top, left]) => ({ top, left, ...cut(picture, top, left, SIDE, SIDE) }));

/** A part of a picture of red, green and blue. */
export function cut({ width, height, data }, top, left, rows, columns) {
  const [tall, wide] = [Math.min(rows, height - top), Math.min(columns, width - left)];
  const part = new Uint8Array(3 * tall * wide);
  for (let row = 0; row < tall; row++) {
    const from = 3 * ((top + row) * width + left);
    part.set(data.subarray(from, from + 3 * wide), 3 * row * wide);
  }
  return { width: wide, height: tall, data: part };
}
