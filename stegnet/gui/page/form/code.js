/** QR codes of keys: drawn, and found in pictures. */

import { make } from "../elements.js";
import { PageError } from "../errors.js";
import encodeQR from "../vendor/index.js";

const MODULE = 6; // pixels
const QUIET = 4; // modules around a code (ISO/IEC 18004)
const SIDES = [800, 1600]; // pixels of the longer side at which codes are looked for

/** A canvas with the QR code of a text. */
export function drawCode(text) {
  const rows = encodeQR(text, "raw", { border: QUIET });
  const side = MODULE * rows.length;
  const canvas = make("canvas", { width: side, height: side, role: "img", "aria-label": "QR code of the key" });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, side, side);
  context.fillStyle = "black";
  for (const [y, row] of rows.entries())
    for (const [x, dark] of row.entries()) if (dark) context.fillRect(MODULE * x, MODULE * y, MODULE, MODULE);
  return canvas;
}

/**
 * The text of the QR code in a picture; null if the file is no picture.
 *
 * @param {Blob} file
 * @throws {PageError} the picture shows no code
 */
export async function codeInPicture(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  for (const side of SIDES) {
    const text = await codeIn(bitmap, bitmap.width, bitmap.height, side);
    if (text !== null) return text;
  }
  throw new PageError(
    "There is no QR code in this picture that can be read.",
    "Photograph it straight, sharp and close, or choose the key file itself.",
  );
}

/**
 * The text of the QR code in a picture or a frame of a film; null if there is none.
 *
 * @param {CanvasImageSource} source
 * @param {number} width of the source
 * @param {number} height
 * @param {number} longest side of the copy that is searched
 */
export async function codeIn(source, width, height, longest) {
  const { default: decodeQR } = await import("../vendor/decode.js"); // loaded by those who need it
  const factor = Math.min(1, longest / Math.max(width, height));
  const [cols, rows] = [width, height].map((side) => Math.max(1, Math.round(side * factor)));
  const context = new OffscreenCanvas(cols, rows).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, cols, rows);
  context.drawImage(source, 0, 0, cols, rows);
  try {
    return decodeQR(context.getImageData(0, 0, cols, rows));
  } catch {
    return null; // it throws a plain Error wherever a picture is not a whole code
  }
}
