/** The test vectors of the format, and the ideal network that made them (tests/codec/make_vectors.py). */

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not as a global

const FOLDER = new URL("../../tests/codec/", import.meta.url);

export const read = (name) => readFileSync(new URL(name, FOLDER));
export const steps = JSON.parse(read("steps.json"));
export const { vectors } = JSON.parse(read("vectors/answers.json"));

/** A picture of steps.json. */
export const picture = ({ width, height, samples }) => ({ width, height, data: bytesOf(samples) });
export const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

/** Puts one of five levels of the secret into the low four bits of the cover. */
const LEVELS = {
  prepare: (planes) => planes,
  hide: (cover, secret) =>
    cover.map((value, at) => {
      const level = Math.round(Math.min(Math.max(secret[at] + 0.5, 0), 1) * 4);
      return ((Math.round(value * 255) & 0xf0) + 3 * level + 1) / 255;
    }),
  reveal: (planes) => planes.map((value) => Math.min(Math.floor((Math.round(value * 255) & 15) / 3), 4) / 4 - 0.5),
  restore: (planes) => planes,
};

export const ideal = (detail) => ({
  pair: { weights: "5e".repeat(32), block: 8, detail },
  onProgress: () => {},
  run: async (name, width, height, ...planes) => LEVELS[name](...planes),
});
