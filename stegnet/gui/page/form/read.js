/** Reading of dropped files. */

import { make, size } from "../elements.js";
import { isAnimation, isFilm, preview } from "./film.js";

const SHOWN = 1200; // pixels a side, at most

/**
 * What a drop zone holds.
 *
 * @typedef {object} Chosen
 * @property {string} name of the file
 * @property {File} file
 * @property {ImageBitmap | null} bitmap of a picture, scaled down if it is too large for this page
 * @property {boolean} [isScaled] true if it was
 * @property {boolean} [isJpeg] of a cover: true if it can be hidden in as the JPEG that it is
 * @property {number} [channels] of a cover that is a picture: 1 if it is grey, else 3
 * @property {boolean} [isTransparent] of such a cover: true if it is so anywhere, which its container will not be
 * @property {{width: number, height: number, seconds: number} | null} [film] of a film; empty if the browser can't play
 *   it
 * @property {string} [sound] of a WAV or FLAC, its suffix
 * @property {Node} show
 * @property {string} caption
 */

/** Reads any file, and shows it if the browser can. @returns {Promise<Chosen>} */
export async function readAny(file) {
  const sound = await soundSuffix(file);
  if (sound) return { ...readOther(file), sound, caption: `sound, ${size(file.size)}` };
  if (await isFilm(file)) return readFilm(file);
  const chosen = (await readPicture(file)) ?? readOther(file);
  return (await isAnimation(file)) ? asFilm(chosen) : { ...chosen, isJpeg: await isJpeg(file) };
}

/** An animation that was read as a picture, as a film. @param {Chosen} chosen @returns {Chosen} */
export const asFilm = (chosen) => ({ ...chosen, bitmap: null, film: {}, caption: `animation, ${chosen.caption}` });

/** True for a JPEG, whatever its name. @param {File} file */
export async function isJpeg(file) {
  const start = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return [0xff, 0xd8, 0xff].every((byte, at) => start[at] === byte);
}

/** Suffix of a WAV or FLAC, whatever its name; "" for others. @param {File} file */
export async function soundSuffix(file) {
  const start = new TextDecoder("latin1").decode(await file.slice(0, 12).arrayBuffer());
  if (start.startsWith("fLaC")) return ".flac";
  return /^(RIFF|RF64)....WAVE/s.test(start) ? ".wav" : "";
}

/** Shows any file by its name. */
export function readOther(file) {
  const show = make("span", { className: "ask" }, make("b", {}, file.name));
  return { name: file.name, file, bitmap: null, show, caption: size(file.size) };
}

/**
 * Reads a picture; null if the browser can't.
 *
 * @param {File} file
 * @param {number} [most] pixels; a larger one is scaled down
 * @returns {Promise<Chosen | null>}
 */
export async function readPicture(file, most = Infinity) {
  const whole = await createImageBitmap(file).catch(() => null);
  if (!whole) return null;
  const factor = Math.sqrt(most / (whole.width * whole.height));
  const bitmap = factor < 1 ? await scaled(whole, factor) : whole;
  const megapixels = Math.floor(most / 1e6);
  const from =
    bitmap === whole ? "" : `, scaled down from ${dimensions(whole)}: this page opens up to ${megapixels} megapixels`;
  const { name } = file;
  const caption = `${dimensions(bitmap)}${from}`;
  return { name, file, bitmap, isScaled: bitmap !== whole, show: await drawn(bitmap, name), caption };
}

/** Reads a film. @returns {Promise<Chosen>} */
export async function readFilm(file) {
  const film = await preview(file);
  if (!film) return { ...readOther(file), film: {}, caption: `film, ${size(file.size)}` };
  const { bitmap, ...about } = film;
  const caption = `film, ${dimensions(film)}, ${film.seconds.toFixed(1)} s, ${size(file.size)}`;
  const shown = bitmap ? { show: await drawn(bitmap, file.name) } : {};
  return { ...readOther(file), film: about, caption, ...shown };
}

export const dimensions = ({ width, height }) => `${width} × ${height}`;

/** A small copy of a bitmap for display. */
export async function drawn(bitmap, name) {
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
