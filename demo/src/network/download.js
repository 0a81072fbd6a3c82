/** Download of the page's own files. */

import { PageError } from "../../../stegnet/gui/browser/errors.js";

/**
 * Downloads one of the page's files.
 *
 * @param {(stage: string, done: number, total: number) => void} onProgress called with "load", bytes loaded and bytes
 *   in all
 */
export async function download(url, onProgress) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok)
    throw new PageError("Part of this page could not be loaded.", "Check your connection, and try again.");
  const total = Number(response.headers.get("content-length"));
  const parts = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(read.value);
    done += read.value.length;
    onProgress("load", done, Math.max(total, done)); // for compressed transfers, the total differs from what arrives
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
