/** Decoding of JPEG XL by WebAssembly, sample by sample: decoders with colour management may be a level off. */

import { decode as decodePng } from "fast-png";
import start, { JxlImage } from "jxl-oxide-wasm";

/**
 * A decoder whose module is loaded when it is first used.
 *
 * @param {() => Promise<Uint8Array>} load loads the module's WebAssembly
 * @returns {import("../format/near_lossless.js").JpegXl}
 */
export function makeJpegXl(load) {
  let started;
  return {
    async decode(bytes) {
      if (!started) await start({ module_or_path: await load() });
      started = true;
      const png = toPng(bytes);
      if (!png) return null;
      const { width, height, channels, depth, data } = decodePng(png);
      return channels === 3 && depth === 8 ? { width, height, data } : null;
    },
  };
}

/** The first picture of a JPEG XL file as PNG; null for other bytes, and for truncated files. */
function toPng(bytes) {
  const image = new JxlImage();
  try {
    image.feedBytes(bytes);
    return image.tryInit() && image.loaded ? image.render().encodeToPng() : null;
  } catch (error) {
    if (typeof error === "string") return null; // its own; others are not about the bytes
    throw error;
  } finally {
    image.free();
  }
}
