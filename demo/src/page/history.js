/** Signs that give a container of a cover away, before anything is hidden. */

import { fromBitmap } from "../canvas.js";
import { copiedWithLoss, lossyFormat } from "../codec/history.js";

const histories = new WeakMap(); // by file

/** The lossy format of a cover, now or before, which a PNG file of it shows. @returns {Promise<string | null>} */
export function historyOf({ file, bitmap, isScaled }) {
  if (isScaled) return Promise.resolve(null); // it was reduced
  if (!histories.has(file)) histories.set(file, found(file, bitmap));
  return histories.get(file);
}

const found = async (file, bitmap) =>
  lossyFormat(new Uint8Array(await file.arrayBuffer())) ?? copiedWithLoss(fromBitmap(bitmap));
