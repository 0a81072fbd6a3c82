/** Bytes as ternary digits, 19 bits in 12 of them (docs/format.md, "Record"). */

import { TRELLIS } from "../constants.js";

const { BITS, TRITS } = TRELLIS;

/** Number of trits that hold this many bytes. */
export const tritsFor = (bytes) => TRITS * Math.ceil((8 * bytes) / BITS);

/** Bytes, at most, in this many trits. */
export const bytesIn = (trits) => Math.floor((BITS * Math.floor(trits / TRITS)) / 8);

/** @param {Uint8Array} bytes @returns {Uint8Array} trits, each group's most significant first */
export function toTrits(bytes) {
  const trits = new Uint8Array(tritsFor(bytes.length));
  for (let group = 0; group < trits.length / TRITS; group++) {
    let word = bitsAt(bytes, BITS * group);
    for (let trit = TRITS; trit-- > 0; word = Math.floor(word / 3)) trits[TRITS * group + trit] = word % 3;
  }
  return trits;
}

/** 19 bits from a bit on; those behind the end are zero. */
function bitsAt(bytes, bit) {
  const at = bit >> 3;
  const window = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const wide = window * 256 + (bytes[at + 3] ?? 0); // 32 bits: beyond a signed integer
  return Math.floor(wide / 2 ** (32 - BITS - (bit & 7))) % 2 ** BITS;
}

/** The bytes that `toTrits` turned into trits; null if it can't have. */
export function fromTrits(trits, size) {
  const padded = new Uint8Array(Math.ceil((trits.length / TRITS) * (BITS / 8)) + 4);
  for (let group = 0; group < trits.length / TRITS; group++) {
    let word = 0;
    for (let trit = 0; trit < TRITS; trit++) word = 3 * word + trits[TRITS * group + trit];
    if (word >= 2 ** BITS) return null;
    putBits(padded, BITS * group, word);
  }
  if (padded.subarray(size).some((byte) => byte !== 0)) return null;
  return padded.slice(0, size);
}

function putBits(bytes, bit, word) {
  const wide = word * 2 ** (32 - BITS - (bit & 7));
  for (let byte = 0; byte < 4; byte++) bytes[(bit >> 3) + byte] |= Math.floor(wide / 2 ** (24 - 8 * byte)) & 0xff;
}
