/** Pictures of the worker on the page. */

import { make } from "@page/elements.js";

import { toImageData } from "../canvas.js";

/** A canvas showing a picture. */
export function canvasOf(picture, label) {
  const canvas = make("canvas", { width: picture.width, height: picture.height, role: "img", "aria-label": label });
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  return canvas;
}
