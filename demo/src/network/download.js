/** Files that come with the page. */

import { PageError } from "../errors.js";

/**
 * The bytes of a file of this page.
 *
 * @param {string} url
 * @param {(stage: string, done: number, total: number) => void} tell takes "load", and bytes there and in all
 * @returns {Promise<Uint8Array>}
 */
export async function download(url, tell) {
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
    tell("load", done, Math.max(total, done)); // of packed bytes, the total is not what arrives
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
