/** The test vectors of the format (docs/format.md, "Test vectors"), and the ideal networks that they were made for. */

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";

import { makeAvif } from "../src/network/avif.js";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not as a global

const FOLDER = new URL("../../tests/format/", import.meta.url);
const CODECS = { encode: "enc/avif_enc.wasm", decode: "dec/avif_dec.wasm" };

export const read = (name) => readFileSync(new URL(name, FOLDER));
export const steps = JSON.parse(read("steps.json"));
export const robustSteps = JSON.parse(read("robust_steps.json"));
export const { vectors } = JSON.parse(read("vectors/answers.json"));

/** A picture of steps.json. */
export const picture = ({ width, height, samples }) => ({ width, height, data: bytesOf(samples) });
const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

export const random = (size) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
};

/** Random numbers that are the same each time: bytes of a linear congruential generator. */
export function seeded(seed) {
  let state = seed;
  return (size) =>
    Uint8Array.from({ length: size }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
}

export const avif = makeAvif(async (name) =>
  readFileSync(new URL(`../node_modules/@jsquash/avif/codec/${CODECS[name]}`, import.meta.url)),
);

/** Puts one of five levels of the secret into the low four bits of the cover. */
const LEVELS = {
  prepare: (planes) => planes,
  hide: (cover, secret) =>
    cover.map((value, at) => {
      const level = Math.round(Math.min(Math.max(secret[at] + 0.5, 0), 1) * 4);
      return ((Math.round(value * 255) & 0xf0) + 3 * level + 1) / 255;
    }),
  reveal: (planes) => planes.map((value) => Math.min(Math.floor((Math.round(value * 255) & 15) / 3), 4) / 4 - 0.5),
  enhance: (planes) => planes,
  restore: (base, residual) => base.map((value, at) => value + residual[at]),
};

/** Puts one of five levels of the secret into the cover modulo 16. */
const PHASES = {
  ...LEVELS,
  hide: (cover, secret) =>
    cover.map((value, at) => {
      const wanted = 3.2 * (Math.round(Math.min(Math.max(secret[at] + 0.5, 0), 1) * 4) + 0.5);
      return (wanted + 16 * Math.round((value * 255 - wanted) / 16)) / 255;
    }),
  reveal: (planes) => planes.map((value) => Math.floor(modulo(steady(value * 255), 16) / 3.2) / 4 - 0.5),
};

const modulo = (value, divisor) => ((value % divisor) + divisor) % divisor;

/** A masked sample as it was before its 32-bit float: a multiple of a mask's least unit. */
const steady = (value) => Math.round(value * 4096) / 4096;

/** @param {string} kind of the base @param {number} period in levels: 0 or 16 */
export const ideal = (kind, period = 0) => ({
  pair: { weights: "5e".repeat(32), block: 8, kind, quality: 60, period: period / 255 },
  modem: { points: [] },
  onProgress: () => {},
  run: async (name, width, height, ...planes) => (period ? PHASES : LEVELS)[name]?.(...planes) ?? new Float32Array(),
  avif,
});
