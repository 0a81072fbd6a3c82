/** PNG files are read sample by sample: a canvas may convert colours. */

import { decode, hasPngSignature } from "fast-png";

import { nothingOpens, PageError } from "./errors.js";
import { blank } from "./picture.js";

/** True if bytes are a PNG file's. */
export const isPng = (bytes) => hasPngSignature(bytes);

/**
 * A PNG file as a picture: its raw samples, whatever its colour profile.
 *
 * @throws {PageError} not a PNG file, damaged, or not a possible container
 */
export function readPng(bytes) {
  if (!isPng(bytes)) throw new PageError("This is not a PNG file.");
  let decoded;
  try {
    decoded = decode(bytes);
  } catch {
    throw new PageError("The PNG file is damaged or cut off.", "Ask the sender for it again, as a file.");
  }
  const { width, height, data, depth, channels, palette } = decoded;
  if (palette || depth < 8) throw nothingOpens(); // as with transparency: it is not what any writer wrote
  const most = 2 ** depth - 1;
  const picture = blank(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const first = channels * pixel;
    if (channels % 2 === 0 && data[first + channels - 1] !== most) throw nothingOpens();
    for (let channel = 0; channel < 3; channel++) {
      picture.data[3 * pixel + channel] = data[first + (channels < 3 ? 0 : channel)] >> (depth - 8);
    }
  }
  return picture;
}
