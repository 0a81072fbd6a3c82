/** Reading of dropped files: covers, secrets and containers. */

import { fromBitmap } from "../canvas.js";
import { PageError } from "../errors.js";
import { channelsOf, firstChannel, isGrey } from "../picture.js";
import { make, size } from "./elements.js";
import { isFilm, preview } from "./film.js";
import { MAX_PIXELS, MAX_SECRET } from "./limits.js";

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GIF = [0x47, 0x49, 0x46, 0x38];
const MANY_GREYS = 128; // a palette of more greys is that of a grey picture
const SHOWN = 1200; // pixels a side, at most

/**
 * What a drop zone holds.
 *
 * @typedef {object} Chosen
 * @property {string} name of the file
 * @property {File} file
 * @property {ImageBitmap | null} bitmap of a picture, scaled down if it is too large for this page
 * @property {number} [channels] of a cover that is a picture: 1 if it is grey, else 3
 * @property {{width: number, height: number, seconds: number} | null} [film] of a film; empty if the browser can't play
 *   it
 * @property {Node} show
 * @property {string} caption
 */

/** Reads a cover: any picture that the browser supports, or any film. @returns {Promise<Chosen>} */
export async function readCover(file) {
  const chosen = (await isFilm(file)) ? await readFilm(file) : await readPicture(file);
  if (!chosen) throw notAPicture(file, "Use a JPEG, PNG, WebP or AVIF picture, or a film.");
  if (!chosen.bitmap) return chosen;
  const picture = fromBitmap(chosen.bitmap);
  if ((await hasPalette(file)) && !isOfManyGreys(picture)) throw fewColours(file);
  return { ...chosen, channels: channelsOf(picture) };
}

/** True for a GIF, and for a PNG whose pixels are those of a palette, or black and white. @param {File} file */
async function hasPalette(file) {
  const bytes = new Uint8Array(await file.slice(0, 26).arrayBuffer());
  const [depth, type] = bytes.subarray(24);
  return GIF.every((byte, at) => bytes[at] === byte) || (isPng(bytes) && (type === 3 || depth === 1));
}

const isOfManyGreys = (picture) => isGrey(picture) && new Set(firstChannel(picture.data)).size > MANY_GREYS;

/** Reads a secret: a picture, a film, or any other file. @returns {Promise<Chosen>} */
export async function readSecret(file) {
  if (file.size > MAX_SECRET)
    throw new PageError(
      `${file.name} is too large: ${size(file.size)}.`,
      `This page hides files of up to ${size(MAX_SECRET)}; \`stegnet hide\` hides larger ones.`,
    );
  if (await isFilm(file)) return readFilm(file);
  return (await readPicture(file)) ?? readOther(file);
}

/** Takes any file by its name. */
export function readOther(file) {
  const show = make("span", { className: "ask" }, make("b", {}, file.name));
  return { name: file.name, file, bitmap: null, show, caption: size(file.size) };
}

async function readPicture(file) {
  const whole = await createImageBitmap(file).catch(() => null);
  if (!whole) return null;
  const factor = Math.sqrt(MAX_PIXELS / (whole.width * whole.height));
  const bitmap = factor < 1 ? await scaled(whole, factor) : whole;
  const megapixels = Math.floor(MAX_PIXELS / 1e6);
  const from =
    bitmap === whole ? "" : `, scaled down from ${dimensions(whole)}: this page takes up to ${megapixels} megapixels`;
  const { name } = file;
  return { name, file, bitmap, show: await drawn(bitmap, name), caption: `${dimensions(bitmap)}${from}` };
}

async function readFilm(file) {
  const film = await preview(file);
  if (!film) return { ...readOther(file), film: {}, caption: `film, ${size(file.size)}` };
  const { bitmap, ...about } = film;
  const caption = `film, ${dimensions(film)}, ${film.seconds.toFixed(1)} s, ${size(file.size)}`;
  return { name: file.name, file, bitmap: null, film: about, show: await drawn(bitmap, file.name), caption };
}

/** Reads a container: a film, or a picture as bytes, because the samples must be those of the file. */
export async function readContainer(file) {
  if (await isFilm(file)) return readFilm(file);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [width, height] = isPng(bytes) ? pngSize(bytes) : [];
  if (width * height > MAX_PIXELS) throw tooLarge(file, width, height); // before it is decoded
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap)
    throw width === undefined
      ? notAPicture(file, "Choose the PNG, JPEG or MKV file that was sent to you.")
      : damaged(file);
  if (bitmap.width * bitmap.height > MAX_PIXELS) throw tooLarge(file, bitmap.width, bitmap.height);
  const caption = `${dimensions(bitmap)}, ${size(bytes.length)}`;
  return { file, bytes, show: await drawn(bitmap, file.name), caption };
}

const isPng = (bytes) => PNG.every((byte, at) => bytes[at] === byte);

/** Width and height in a PNG file's header. @param {Uint8Array} bytes */
function pngSize(bytes) {
  if (bytes.length < 24) return [0, 0];
  const head = new DataView(bytes.buffer);
  return [head.getUint32(16), head.getUint32(20)];
}

const dimensions = ({ width, height }) => `${width} × ${height}`;

const notAPicture = ({ name }, hint) =>
  new PageError(`${name} is not a picture or film that this page can read.`, hint);

const fewColours = ({ name }) =>
  new PageError(
    `${name} has a palette, and what is hidden would give it colours that are not in it.`,
    "Use a photograph, or the picture in full colours that it was made from.",
  );

const damaged = ({ name }) =>
  new PageError(`${name} is damaged or cut off.`, "Ask the sender for it again, as a file.");

const tooLarge = ({ name }, width, height) =>
  new PageError(
    `${name} is too large: ${width} × ${height} pixels.`,
    `This page takes up to ${Math.floor(MAX_PIXELS / 1e6)} megapixels; \`stegnet reveal\` takes any size.`,
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
