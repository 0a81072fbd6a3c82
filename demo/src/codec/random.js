/** Random bytes. */

const MAX_DRAWN = 65536; // bytes that a browser draws at once

/** Random bytes of the system. @param {number} size */
export function systemRandom(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += MAX_DRAWN) crypto.getRandomValues(bytes.subarray(at, at + MAX_DRAWN));
  return bytes;
}
