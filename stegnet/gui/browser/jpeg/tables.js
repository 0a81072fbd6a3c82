/** Tables of JPEG (ITU-T T.81, annexes A and K), and libjpeg's quality. */

import { fromHex } from "../format/bytes.js";

export const SIDE = 8; // samples of a block
export const SIZE = SIDE * SIDE;

/** The place of each coefficient, in the order of the file (figure A.6). */
export const ZIGZAG = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21],
  ...[28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61],
  ...[54, 47, 55, 62, 63],
);

/** Steps at quality 50, row by row (tables K.1 and K.2). */
export const LUMA = [
  ...[16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29],
  ...[51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121],
  ...[120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
];
const CHROMA = [
  ...[17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66],
  ...Array(38).fill(99),
];

/** Steps of luma and chroma at a quality, 1 to 100, as libjpeg scales them, in zigzag order. */
export function stepsAt(quality) {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  const scaled = (step) => Math.min(Math.max(Math.floor((step * percent + 50) / 100), 1), 255);
  return { luma: ZIGZAG.map((place) => scaled(LUMA[place])), chroma: ZIGZAG.map((place) => scaled(CHROMA[place])) };
}

/** Huffman tables as in the file: 16 numbers of codes by length, then the symbols (tables K.3 to K.6). */
const DC = "0102030405060708090a0b";
export const CODES = {
  luma: {
    dc: fromHex(`0001050101010101010000000000000000${DC}`),
    ac: fromHex(
      "0002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a" +
        "161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a8384858687" +
        "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5" +
        "e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
  },
  chroma: {
    dc: fromHex(`0003010101010101010101000000000000${DC}`),
    ac: fromHex(
      "0002010204040304070504040001027700010203110405213106124151076171132232810814429" +
        "1a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a6364" +
        "65666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4" +
        "c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
  },
};

/** Code and length of each symbol of a Huffman table (annex C). */
export function codesOf(table) {
  const [codes, lengths] = [new Uint16Array(256), new Uint8Array(256)];
  let [code, next] = [0, 16];
  for (let length = 1; length <= 16; length++) {
    for (let count = table[length - 1]; count > 0; count--) {
      [codes[table[next]], lengths[table[next]]] = [code++, length];
      next++;
    }
    code <<= 1;
  }
  return { codes, lengths };
}
