/** AES as the format uses it, on Web Crypto; random bytes, and the orders that such bytes give. */

import { equal, join } from "./bytes.js";

export const TAG_BYTES = 16; // of AES-GCM, and of SIV

/** AES-256-GCM encryption; the tag is appended. */
export async function sealWith(key, nonce, plaintext, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "encrypt");
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_BYTES };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, aes, plaintext));
}

/** The plaintext; null if authentication fails. */
export async function openWith(key, nonce, sealed, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "decrypt");
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: 8 * TAG_BYTES };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, aes, sealed));
  } catch (error) {
    if (error.name === "OperationError") return null;
    throw error;
  }
}

/**
 * Encryption without a nonce: SIV of HMAC-SHA256 and AES-256-CTR (docs/format.md, "Sealed bytes"; Rogaway, Shrimpton: A
 * Provable-Security Treatment of the Key-Wrap Problem, EUROCRYPT 2006). The tag comes first.
 *
 * @param {Uint8Array} key 64 bytes, those of AES first
 * @param {Uint8Array} [context] what is authenticated, too; all that are used with a key have one length
 */
export async function sealSiv(key, plaintext, context = new Uint8Array()) {
  const tag = await sivTag(key, plaintext, context);
  return join(tag, await ciphered(key, tag, plaintext));
}

/** The plaintext; null if it is not what `sealSiv` gives with this key and context. */
export async function openSiv(key, sealed, context = new Uint8Array()) {
  const tag = sealed.slice(0, TAG_BYTES);
  const plaintext = await ciphered(key, tag, sealed.slice(TAG_BYTES));
  return equal(await sivTag(key, plaintext, context), tag) ? plaintext : null;
}

async function ciphered(key, tag, bytes) {
  const aes = await imported(key.slice(0, 32), "AES-CTR", "encrypt");
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter: tag, length: 128 }, aes, bytes));
}

const sivTag = async (key, plaintext, context) =>
  (await hmac(key.slice(32), join(context, plaintext))).slice(0, TAG_BYTES);

/** HMAC-SHA256. */
export async function hmac(key, message) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const own = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", own, message));
}

/** `size` bytes of the AES-256-CTR keystream. @param {number} start highest byte of the first counter block; 0 below */
export async function stream(key, size, start = 0) {
  const aes = await imported(key, "AES-CTR", "encrypt");
  const counter = Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? start : 0));
  return crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, aes, new Uint8Array(size));
}

const imported = (key, name, use) => crypto.subtle.importKey("raw", key, name, false, [use]);

const DIGIT = 2 ** 16;

/**
 * The stable ascending argsort of little-endian 64-bit words: a radix sort, by 16 bits at a time.
 *
 * @param {number} count of the words
 * @param {number} [first] words before them in the bytes
 */
export function argsort(bytes, count, first = 0) {
  const digits = new Uint16Array(bytes, 8 * first, 4 * count); // processors that run browsers are little-endian, too
  let order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  let sorted = new Uint32Array(count);
  for (let digit = 0; digit < 4; digit++) {
    const next = starts(digits, digit);
    for (let at = 0; at < count; at++) sorted[next[digits[4 * order[at] + digit]]++] = order[at];
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** The place of the first word with each value of a digit. */
function starts(digits, digit) {
  const counts = new Uint32Array(DIGIT + 1);
  for (let at = digit; at < digits.length; at += 4) counts[digits[at] + 1]++;
  for (let value = 0; value < DIGIT; value++) counts[value + 1] += counts[value];
  return counts;
}

const MAX_DRAWN = 65536; // bytes that a browser draws at once

/** Random bytes of the system. */
export function systemRandom(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += MAX_DRAWN) crypto.getRandomValues(bytes.subarray(at, at + MAX_DRAWN));
  return bytes;
}
