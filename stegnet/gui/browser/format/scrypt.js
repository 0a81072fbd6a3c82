/** scrypt (RFC 7914), which derives a key from a passphrase, by much memory and time. */

import { join, u32 } from "./bytes.js";
import { hmac } from "./ciphers.js";

const WORDS = 16; // of Salsa20's blocks
const ROUNDS = 8;
const OFTEN = 1 << 13; // blocks, after which progress is told

/**
 * @param {Uint8Array} passphrase of a byte at least
 * @param {Uint8Array} salt
 * @param {{N: number, r: number, p: number, size: number, onProgress?: (done: number) => void}} options N, a power of 2,
 *   r and p as in the RFC; size in bytes of the key; onProgress: is told how much is done, up to 1
 */
export async function scrypt(passphrase, salt, { N, r, p, size, onProgress = () => {} }) {
  const length = 128 * r;
  const mixed = await pbkdf2(passphrase, salt, p * length);
  for (let part = 0; part < p; part++) {
    const words = new Uint32Array(mixed.buffer, part * length, length / 4); // browsers' processors are little-endian
    mix(words, N, (done) => onProgress((part + done) / p));
  }
  return pbkdf2(passphrase, mixed, size);
}

/** PBKDF2 of HMAC-SHA256, once (RFC 8018, 5.2): not the browser's, as Firefox makes no 1,024 bytes. */
async function pbkdf2(passphrase, salt, size) {
  const hashes = Array.from({ length: Math.ceil(size / 32) }, (_, at) => hmac(passphrase, join(salt, u32(at + 1))));
  return join(...(await Promise.all(hashes))).slice(0, size);
}

/** scryptROMix (RFC 7914, 5), in place. */
function mix(words, N, onProgress) {
  const size = words.length;
  const table = new Int32Array(N * size); // of all blocks that were mixed
  table.set(words);
  for (let index = 1; index < N; index++) {
    mixBlock(table, (index - 1) * size, table, index * size, size);
    if (index % OFTEN === 0) onProgress(index / N / 2);
  }
  let [block, next] = [new Int32Array(size), new Int32Array(size)];
  mixBlock(table, (N - 1) * size, block, 0, size);
  for (let index = 0; index < N; index++) {
    const chosen = (block[size - WORDS] & (N - 1)) * size;
    for (let at = 0; at < size; at++) block[at] ^= table[chosen + at];
    mixBlock(block, 0, next, 0, size);
    [block, next] = [next, block];
    if (index % OFTEN === 0) onProgress(0.5 + index / N / 2);
  }
  words.set(block);
  onProgress(1);
}

/** scryptBlockMix (RFC 7914, 4); blocks with odd numbers come second. */
function mixBlock(words, from, out, to, size) {
  let [before, last] = [words, from + size - WORDS];
  for (let at = 0; at < size; at += 2 * WORDS) {
    salsa(before, last, words, from + at, out, to + at / 2);
    salsa(out, to + at / 2, words, from + at + WORDS, out, to + (size + at) / 2);
    [before, last] = [out, to + (size + at) / 2];
  }
}

/** Salsa20/8 (RFC 7914, 3) of two blocks, added without carry. Its words are variables of their own, since that is faster. */
function salsa(one, first, other, second, out, to) {
  const y0 = one[first + 0] ^ other[second + 0],
    y1 = one[first + 1] ^ other[second + 1],
    y2 = one[first + 2] ^ other[second + 2],
    y3 = one[first + 3] ^ other[second + 3];
  const y4 = one[first + 4] ^ other[second + 4],
    y5 = one[first + 5] ^ other[second + 5],
    y6 = one[first + 6] ^ other[second + 6],
    y7 = one[first + 7] ^ other[second + 7];
  const y8 = one[first + 8] ^ other[second + 8],
    y9 = one[first + 9] ^ other[second + 9],
    y10 = one[first + 10] ^ other[second + 10],
    y11 = one[first + 11] ^ other[second + 11];
  const y12 = one[first + 12] ^ other[second + 12],
    y13 = one[first + 13] ^ other[second + 13],
    y14 = one[first + 14] ^ other[second + 14],
    y15 = one[first + 15] ^ other[second + 15];
  let [x0, x1, x2, x3] = [y0, y1, y2, y3];
  let [x4, x5, x6, x7] = [y4, y5, y6, y7];
  let [x8, x9, x10, x11] = [y8, y9, y10, y11];
  let [x12, x13, x14, x15] = [y12, y13, y14, y15];
  for (let round = 0, sum = 0; round < ROUNDS; round += 2) {
    sum = (x0 + x12) | 0, x4 ^= (sum << 7) | (sum >>> 25);
    sum = (x4 + x0) | 0, x8 ^= (sum << 9) | (sum >>> 23);
    sum = (x8 + x4) | 0, x12 ^= (sum << 13) | (sum >>> 19);
    sum = (x12 + x8) | 0, x0 ^= (sum << 18) | (sum >>> 14);
    sum = (x5 + x1) | 0, x9 ^= (sum << 7) | (sum >>> 25);
    sum = (x9 + x5) | 0, x13 ^= (sum << 9) | (sum >>> 23);
    sum = (x13 + x9) | 0, x1 ^= (sum << 13) | (sum >>> 19);
    sum = (x1 + x13) | 0, x5 ^= (sum << 18) | (sum >>> 14);
    sum = (x10 + x6) | 0, x14 ^= (sum << 7) | (sum >>> 25);
    sum = (x14 + x10) | 0, x2 ^= (sum << 9) | (sum >>> 23);
    sum = (x2 + x14) | 0, x6 ^= (sum << 13) | (sum >>> 19);
    sum = (x6 + x2) | 0, x10 ^= (sum << 18) | (sum >>> 14);
    sum = (x15 + x11) | 0, x3 ^= (sum << 7) | (sum >>> 25);
    sum = (x3 + x15) | 0, x7 ^= (sum << 9) | (sum >>> 23);
    sum = (x7 + x3) | 0, x11 ^= (sum << 13) | (sum >>> 19);
    sum = (x11 + x7) | 0, x15 ^= (sum << 18) | (sum >>> 14);
    sum = (x0 + x3) | 0, x1 ^= (sum << 7) | (sum >>> 25);
    sum = (x1 + x0) | 0, x2 ^= (sum << 9) | (sum >>> 23);
    sum = (x2 + x1) | 0, x3 ^= (sum << 13) | (sum >>> 19);
    sum = (x3 + x2) | 0, x0 ^= (sum << 18) | (sum >>> 14);
    sum = (x5 + x4) | 0, x6 ^= (sum << 7) | (sum >>> 25);
    sum = (x6 + x5) | 0, x7 ^= (sum << 9) | (sum >>> 23);
    sum = (x7 + x6) | 0, x4 ^= (sum << 13) | (sum >>> 19);
    sum = (x4 + x7) | 0, x5 ^= (sum << 18) | (sum >>> 14);
    sum = (x10 + x9) | 0, x11 ^= (sum << 7) | (sum >>> 25);
    sum = (x11 + x10) | 0, x8 ^= (sum << 9) | (sum >>> 23);
    sum = (x8 + x11) | 0, x9 ^= (sum << 13) | (sum >>> 19);
    sum = (x9 + x8) | 0, x10 ^= (sum << 18) | (sum >>> 14);
    sum = (x15 + x14) | 0, x12 ^= (sum << 7) | (sum >>> 25);
    sum = (x12 + x15) | 0, x13 ^= (sum << 9) | (sum >>> 23);
    sum = (x13 + x12) | 0, x14 ^= (sum << 13) | (sum >>> 19);
    sum = (x14 + x13) | 0, x15 ^= (sum << 18) | (sum >>> 14);
  }
  out[to + 0] = x0 + y0;
  out[to + 1] = x1 + y1;
  out[to + 2] = x2 + y2;
  out[to + 3] = x3 + y3;
  out[to + 4] = x4 + y4;
  out[to + 5] = x5 + y5;
  out[to + 6] = x6 + y6;
  out[to + 7] = x7 + y7;
  out[to + 8] = x8 + y8;
  out[to + 9] = x9 + y9;
  out[to + 10] = x10 + y10;
  out[to + 11] = x11 + y11;
  out[to + 12] = x12 + y12;
  out[to + 13] = x13 + y13;
  out[to + 14] = x14 + y14;
  out[to + 15] = x15 + y15;
}
