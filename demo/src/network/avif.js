/** Coding of AVIF files by WebAssembly: the same in every browser. */

import decoder from "@jsquash/avif/codec/dec/avif_dec.js";
import encoder from "@jsquash/avif/codec/enc/avif_enc.js";

import { fromRgba, toRgba } from "../../../stegnet/gui/browser/picture.js";

const OPTIONS = {
  ...{ qualityAlpha: -1, denoiseLevel: 0, tileColsLog2: 0, tileRowsLog2: 0, sharpness: 0, tune: 0, bitDepth: 8 },
  ...{ speed: 8, subsample: 3, chromaDeltaQ: false, enableSharpYUV: false, lossless: false }, // 4:4:4
};

/**
 * A coder whose modules are loaded when they are first used.
 *
 * @param {(name: "encode" | "decode") => Promise<Uint8Array>} load loads a module's WebAssembly
 */
export function makeAvif(load) {
  const modules = {};
  const module = async (name, make) =>
    (modules[name] ??= await make({ noInitialRun: true, wasmBinary: await load(name) }));
  return {
    async encode(picture, quality, speed = OPTIONS.speed) {
      const { encode } = await module("encode", encoder);
      const bytes = encode(toRgba(picture), picture.width, picture.height, { ...OPTIONS, quality, speed });
      if (!bytes) throw new Error(`${picture.width}×${picture.height} pixels can't be coded as AVIF`);
      return new Uint8Array(bytes);
    },
    async decode(bytes) {
      const { decode } = await module("decode", decoder);
      const image = decode(bytes, OPTIONS.bitDepth);
      const isOpaque = image?.data.every((value, at) => at % 4 < 3 || value === 255);
      return isOpaque ? fromRgba(image) : null;
    },
  };
}
