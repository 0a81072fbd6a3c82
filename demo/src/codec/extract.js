/** Files from the shares in a container's frames: whole, or not at all. */

import { PageError } from "../errors.js";
import { equal } from "../format/bytes.js";

const ALL_OR_NOTHING = "A file is revealed whole or not at all: get the container as it was written.";

/**
 * The file that one frame holds all of.
 *
 * @param {import("../format/record.js").FileShare} share
 * @returns {Promise<{name: string, bytes: Uint8Array}>}
 * @throws {PageError} bytes are missing, or are not those that were hidden
 */
export async function wholeFile({ name, size, digest, bytes }) {
  if (bytes.length < size) throw missing(size - bytes.length, size);
  await checkDigest(bytes, digest);
  return { name, bytes };
}

async function checkDigest(bytes, digest) {
  if (equal(digest, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))) return;
  throw new PageError("The file's bytes are not those that were hidden.", ALL_OR_NOTHING);
}

const missing = (bytes, size) =>
  new PageError(
    `${bytes.toLocaleString("en")} of the file's ${size.toLocaleString("en")} bytes are missing.`,
    ALL_OR_NOTHING,
  );
