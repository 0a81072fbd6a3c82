/** Keys, and the subkeys derived from them (docs/format.md, "Keys"). */

import { scryptAsync } from "@noble/hashes/scrypt.js";

import { PageError } from "../errors.js";
import { join, u64 } from "./bytes.js";

export const KEY_BYTES = 32;
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, dkLen: KEY_BYTES, maxmem: 2 ** 28 };
const MAX_BYTES = 1024;
const LONE_SURROGATE = /\p{Surrogate}/u;
const NONE = new Uint8Array();
const text = new TextEncoder();

/** A secret key, which can't be exported. */
export class Key {
  #master;

  constructor(master) {
    this.#master = master;
  }

  /** @param {Uint8Array} secret 32 bytes */
  static async of(secret) {
    return new Key(await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]));
  }

  lead = () => this.#derive("lead");
  record = () => this.#derive("record");
  mac = () => this.#derive("mac");

  /** Subkey of a record's positions; without a nonce, of those of lead and MAC. */
  positions = (nonce = NONE) => this.#derive("positions", nonce);

  /** 32 bytes that no other key produces: AES-GCM alone does not commit to its key. */
  commitment = async (filmId) => hmac(await this.#derive("commitment"), filmId);

  /** Subkey of a frame's shuffle; a picture is frame 0. */
  shuffle = (filmId, index) => this.#derive("shuffle", filmId, u64(index));

  async #derive(purpose, salt = NONE, suffix = NONE) {
    const info = join(text.encode(`stegnet/1/${purpose}`), suffix);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt, info };
    return new Uint8Array(await crypto.subtle.deriveBits(hkdf, this.#master, 8 * KEY_BYTES));
  }
}

/** HMAC-SHA256. */
export async function hmac(key, message) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/**
 * The function from a container's salt to its key, by a key file's bytes or a passphrase.
 *
 * @param {{file: Uint8Array} | {passphrase: string}} keyInput
 * @returns {(salt: Uint8Array) => Promise<Key>}
 * @throws {PageError} neither is valid
 */
export function keySource(keyInput) {
  if (keyInput.file) return keyFileSource(keyInput.file);
  const bytes = text.encode(keyInput.passphrase.normalize("NFC"));
  if (bytes.length < 1) throw new PageError("There is no passphrase.", "Type one, or use a key file.");
  if (bytes.length > MAX_BYTES || LONE_SURROGATE.test(keyInput.passphrase)) {
    throw new PageError("The passphrase can't be used.", `It must be 1 to ${MAX_BYTES} bytes of Unicode text.`);
  }
  return async (salt) => Key.of(await scryptAsync(bytes, salt, SCRYPT));
}

function keyFileSource(bytes) {
  if (bytes.length !== KEY_BYTES) {
    throw new PageError(
      "This is not a key file.",
      `A key file has exactly ${KEY_BYTES} bytes; make one here, or with \`stegnet keygen\`.`,
    );
  }
  return () => Key.of(bytes);
}
