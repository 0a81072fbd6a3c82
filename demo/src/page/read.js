/** Reading of dropped files: covers and secrets, and containers. */

import { PageError } from "../errors.js";
import { make, size } from "./elements.js";

const MAX_PIXELS = 2048 * 2048;
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_FILE = 2 ** 24; // bytes
const SHOWN = 1200; // pixels a side, at most

/** Reads any picture that the browser supports, scaled down if it is too large for this page. */
export async function readPicture(file) {
  const whole = await createImageBitmap(file).catch(() => null);
  if (!whole) throw notAPicture(file);
  const factor = Math.sqrt(MAX_PIXELS / (whole.width * whole.height));
  const bitmap = factor < 1 ? await scaled(whole, factor) : whole;
  const from =
    bitmap === whole ? "" : `, scaled down from ${whole.width} × ${whole.height}: this page takes up to 4 megapixels`;
  const { name } = file;
  return { name, bitmap, show: await drawn(bitmap, name), caption: `${bitmap.width} × ${bitmap.height}${from}` };
}

/** Reads a secret: any picture, as `readPicture`, or any other file. */
export async function readSecret(file) {
  const picture = await readPicture(file).catch((error) => {
    if (error instanceof PageError) return null;
    throw error;
  });
  if (picture) return { ...picture, file };
  if (file.size > MAX_FILE)
    throw new PageError(`${file.name} is too large: ${size(file.size)}.`, "A picture hides small files.");
  const show = make("span", { className: "ask" }, make("b", {}, file.name));
  return { name: file.name, file, bitmap: null, show, caption: size(file.size) };
}

/** Reads a container as bytes, because the samples must be those of the file. */
export async function readContainer(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [width, height] = PNG.every((byte, at) => bytes[at] === byte) ? pngSize(bytes) : [];
  if (width * height > MAX_PIXELS) throw tooLarge(file, width, height); // before it is decoded
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) throw width === undefined ? notAPicture(file) : damaged(file);
  if (bitmap.width * bitmap.height > MAX_PIXELS) throw tooLarge(file, bitmap.width, bitmap.height);
  const caption = `${bitmap.width} × ${bitmap.height}, ${size(bytes.length)}`;
  return { bytes, show: await drawn(bitmap, file.name), caption };
}

/** Width and height in a PNG file's header. @param {Uint8Array} bytes */
function pngSize(bytes) {
  if (bytes.length < 24) return [0, 0];
  const head = new DataView(bytes.buffer);
  return [head.getUint32(16), head.getUint32(20)];
}

const notAPicture = ({ name }) =>
  new PageError(`${name} is not a picture that this page can read.`, "Use a JPEG, PNG, WebP or AVIF file.");

const damaged = ({ name }) =>
  new PageError(`${name} is damaged or cut off.`, "Ask the sender for it again, as a file.");

const tooLarge = ({ name }, width, height) =>
  new PageError(
    `${name} is too large: ${width} × ${height} pixels.`,
    "This page takes up to 4 megapixels; `stegnet reveal` takes any size.",
  );

/** A small copy of a bitmap for display. */
async function drawn(bitmap, name) {
  const factor = Math.min(1, SHOWN / Math.max(bitmap.width, bitmap.height));
  const copy = await scaled(bitmap, factor);
  const canvas = make("canvas", { width: copy.width, height: copy.height, role: "img", "aria-label": name });
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(copy);
  return canvas;
}

function scaled(bitmap, factor) {
  const [resizeWidth, resizeHeight] = [bitmap.width, bitmap.height].map((side) =>
    Math.max(1, Math.floor(side * factor)),
  );
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}
