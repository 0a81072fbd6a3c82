/** Conversion between canvases and samples: upright, sRGB, transparency over white. */

import { PageError } from "./errors.js";
import { fromRgba, isGrey, toRgba } from "./picture.js";

/** Samples of an encoded picture as they are stored: its colour profile is not applied. */
export async function decodePicture(bytes) {
  return fromBitmap(await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" }));
}

export const fromBitmap = (bitmap) => fromRgba(samplesOf(bitmap, 0, bitmap.height));

/** True if all of a bitmap is grey. */
export const isGreyBitmap = (bitmap) => everyStrip(bitmap, true, (strip) => isGrey(fromRgba(strip)));

/** True if a bitmap is transparent anywhere. */
export const isTransparent = (bitmap) =>
  !everyStrip(bitmap, false, ({ data }) => data.every((sample, at) => at % 4 < 3 || sample === 255));

const STRIP = 256; // rows that are read at once, so that a large bitmap is seldom read whole

/** True if something is true of each strip of a bitmap, from the top on. */
function everyStrip(bitmap, isOverWhite, isTrue) {
  for (let top = 0; top < bitmap.height; top += STRIP) {
    if (!isTrue(samplesOf(bitmap, top, Math.min(STRIP, bitmap.height - top), isOverWhite))) return false;
  }
  return true;
}

/** Rows of a bitmap, as RGBA samples. */
function samplesOf(bitmap, top, rows, isOverWhite = true) {
  const { width } = bitmap;
  const context = new OffscreenCanvas(width, rows).getContext("2d", { willReadFrequently: true });
  checkHonest(context);
  context.clearRect(0, 0, width, rows);
  context.fillStyle = "white";
  if (isOverWhite) context.fillRect(0, 0, width, rows);
  context.drawImage(bitmap, 0, -top);
  return context.getImageData(0, 0, width, rows);
}

/** Refuses canvases that return noise, as some browsers' do against fingerprinting. */
function checkHonest(context) {
  context.fillStyle = "rgb(12 200 99)";
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  if (red === 12 && green === 200 && blue === 99) return;
  throw new PageError(
    "This browser does not let pages read pictures.",
    "Allow this page to read canvases (the browser asks in its address bar), and try again.",
  );
}

/** Samples as a canvas's image data. */
export const toImageData = (picture) => new ImageData(toRgba(picture), picture.width, picture.height);

/** A picture as a PNG file such as this browser writes of any canvas: its form says nothing else. */
export async function encodePng(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(toImageData(picture), 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}
