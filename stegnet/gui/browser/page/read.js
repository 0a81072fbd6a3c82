/** Reading of dropped files: covers, secrets and containers. */

import { size } from "../../page/elements.js";
import { segmentsOf } from "../../page/form/exif.js";
import { isAnimation, isFilm } from "../../page/form/film.js";
import { asFilm, dimensions, drawn, isJpeg, readFilm, readOther, readPicture, soundSuffix } from "../../page/form/read.js";

import { fromBitmap, isGreyBitmap, isTransparent } from "../canvas.js";
import { PageError } from "../errors.js";
import { firstChannel, isGrey } from "../picture.js";
import { isPng, SIGNATURE } from "../png.js";

/** Pixels of a cover or a secret that is a picture: enough for what people send, little enough for a browser's memory. */
const MAX_PIXELS = 4096 * 3072;
const MAX_BYTES = 2 ** 28; // of a secret, or a picture that is a container: it is read into memory whole
const GIF = [0x47, 0x49, 0x46, 0x38];
const [IEND, EOI] = [0x49454e44, 0xd9]; // types of a PNG file's last chunk, and of a JPEG's last marker
const MANY_GREYS = 128; // a palette of more greys is that of a grey picture

/**
 * Reads a cover: any picture that the browser supports; also its `channels`, 1 if it is grey, and `isTransparent`, true if
 * it is anywhere.
 */
export async function readCover(file) {
  if (await soundSuffix(file)) throw only("a sound", file);
  if (await isFilm(file)) throw only("a film", file);
  await checkWhole(file);
  const chosen = await readPicture(file, MAX_PIXELS);
  if (!chosen) throw notAPicture(file, "Use a JPEG, PNG, WebP or AVIF picture.");
  if (await isAnimation(file)) {
    const hint = "Use a picture.";
    throw new PageError(`${file.name} is an animation, of which this page would keep the first picture only.`, hint);
  }
  if ((await hasPalette(file)) && !isOfManyGreys(fromBitmap(chosen.bitmap))) {
    throw new PageError(
      `${file.name} has a palette, and hiding would add colours that are not in it.`,
      "Use a photograph, or the full-colour picture it was made from.",
    );
  }
  const [channels, isOpaque] = [isGreyBitmap(chosen.bitmap) ? 1 : 3, await isJpeg(file)];
  return { ...chosen, channels, isTransparent: !isOpaque && isTransparent(chosen.bitmap), isJpeg: !chosen.isScaled && isOpaque };
}

const isOfManyGreys = (picture) => isGrey(picture) && new Set(firstChannel(picture.data)).size > MANY_GREYS;

/** True for a GIF, and for a PNG whose pixels are those of a palette, or black and white. */
async function hasPalette(file) {
  const bytes = new Uint8Array(await file.slice(0, 26).arrayBuffer());
  const [depth, type] = bytes.subarray(24);
  return GIF.every((byte, at) => bytes[at] === byte) || (isPng(bytes) && (type === 3 || depth === 1));
}

/** Reads a secret: a picture, a film, or any other file. */
export async function readSecret(file) {
  if (file.size > MAX_BYTES) throw tooMany(file, "hides");
  if (await isFilm(file)) return readFilm(file);
  const chosen = (await readPicture(file, MAX_PIXELS)) ?? readOther(file);
  return (await isAnimation(file)) ? asFilm(chosen) : chosen;
}

/** Reads a container: a picture, as bytes, because the samples must be those of the file. */
export async function readContainer(file) {
  if (await isFilm(file)) throw only("a film", file);
  if (await soundSuffix(file)) throw only("a sound", file);
  if (file.size > MAX_BYTES) throw tooMany(file, "reveals");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [width, height] = isPng(bytes) ? pngSize(bytes) : [];
  if (width * height > MAX_PIXELS) throw tooLarge(file, width, height); // before it is decoded
  await checkWhole(file);
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap && width === undefined) throw notAPicture(file, "Choose the PNG or JPEG file that was sent to you.");
  if (!bitmap) throw damaged(file);
  if (bitmap.width * bitmap.height > MAX_PIXELS) throw tooLarge(file, bitmap.width, bitmap.height);
  const caption = `${dimensions(bitmap)}, ${size(bytes.length)}`;
  return { file, bytes, show: await drawn(bitmap, file.name), caption };
}

const only = (what, { name }) => new PageError(`${name} is ${what}, which this page does not open.`, "The program does.");

/** @throws {PageError} a PNG or JPEG file ends too early; Firefox shows it all the same */
async function checkWhole(file) {
  const isOfJpeg = await isJpeg(file);
  if (!isOfJpeg && !isPng(new Uint8Array(await file.slice(0, SIGNATURE.length).arrayBuffer()))) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (isOfJpeg ? !endsAsJpeg(bytes) : !endsAsPng(bytes)) throw damaged(file);
}

function endsAsPng(bytes) {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) if (view.getUint32(at + 4) === IEND) return true;
  return false;
}

function endsAsJpeg(bytes) {
  for (const { marker } of segmentsOf(bytes)) if (marker === EOI) return true;
  return false;
}

const damaged = ({ name }) =>
  new PageError(`${name} is damaged or cut off.`, "Use a whole one: ask whoever sent it for it again, as a file.");

/** Width and height in a PNG file's header. */
function pngSize(bytes) {
  if (bytes.length < 24) return [0, 0];
  const head = new DataView(bytes.buffer);
  return [head.getUint32(16), head.getUint32(20)];
}

const notAPicture = ({ name }, hint) =>
  new PageError(`${name} is not a picture that this page can read.`, hint);

const tooMany = ({ name, size: bytes }, does) =>
  new PageError(
    `${name} is too large: ${size(bytes)}.`,
    `This page ${does} files of up to ${size(MAX_BYTES)}; the program takes larger ones.`,
  );

const tooLarge = ({ name }, width, height) =>
  new PageError(
    `${name} is too large: ${width} × ${height} pixels.`,
    `This page opens up to ${Math.floor(MAX_PIXELS / 1e6)} megapixels; the program opens any size.`,
  );
