/** Conversion between canvases and samples: upright, sRGB, transparency over white. */

import { PageError } from "./errors.js";
import { fromRgba, toRgba } from "./picture.js";

/** Samples of an encoded picture as they are stored: its colour profile is not applied. */
export async function decodePicture(bytes) {
  return fromBitmap(await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" }));
}

export function fromBitmap(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  checkHonest(context);
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  return fromRgba(context.getImageData(0, 0, width, height));
}

/** True if a bitmap is transparent anywhere. */
export function isTransparent(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha] < 255) return true;
  return false;
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
