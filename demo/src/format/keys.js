/** Keys, and the subkeys derived from them (docs/format.md, "Keys"). */

import { scryptAsync } from "@noble/hashes/scrypt.js";

import { PageError } from "../errors.js";
import { join, u32, u64 } from "./bytes.js";

export const KEY_BYTES = 32;
export const SECRET_BYTES = 16;
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, dkLen: KEY_BYTES, maxmem: 2 ** 28 };
const MAX_BYTES = 1024;
const LONE_SURROGATE = /\p{Surrogate}/u;
const NONE = new Uint8Array();
const text = new TextEncoder();

/** HKDF of a master key, which can't be exported. */
class Subkeys {
  #master;

  constructor(master) {
    this.#master = master;
  }

  /** @param {Uint8Array} secret 16 or 32 bytes */
  static async of(secret) {
    return new Subkeys(await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]));
  }

  async derive(purpose, salt = NONE, suffix = NONE) {
    const info = join(text.encode(`stegnet/2/${purpose}`), suffix);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt, info };
    return new Uint8Array(await crypto.subtle.deriveBits(hkdf, this.#master, 8 * KEY_BYTES));
  }
}

/** The key of one frame. */
export class FrameKey {
  #subkeys;
  #salt;

  constructor(subkeys, salt) {
    this.#subkeys = subkeys;
    this.#salt = salt;
  }

  /** @param {Uint8Array} secret 32 bytes @param {Uint8Array} salt of the frame */
  static of = async (secret, salt) => new FrameKey(await Subkeys.of(secret), salt);

  lead = () => this.#subkeys.derive("lead", this.#salt);
  record = () => this.#subkeys.derive("record", this.#salt);
  positions = () => this.#subkeys.derive("positions", this.#salt);
  mac = () => this.#subkeys.derive("mac", this.#salt);
}

/** The key of a whole film; a picture is a film of one frame. */
export class FilmKey {
  #subkeys;

  constructor(subkeys) {
    this.#subkeys = subkeys;
  }

  /** @param {Uint8Array} secret 32 bytes */
  static of = async (secret) => new FilmKey(await Subkeys.of(secret));

  /** 32 bytes that no other key produces: AES-GCM alone does not commit to its key. */
  commitment = async (filmId) => hmac(await this.#subkeys.derive("commitment"), filmId);

  /** Subkey of a frame's shuffle; a picture is frame 0. */
  shuffle = (filmId, index) => this.#subkeys.derive("shuffle", filmId, u64(index));
}

/** The key of a robust container (docs/format.md, "Keys of robust containers"). */
export class RobustKey {
  #subkeys;
  #salt;

  constructor(subkeys, salt) {
    this.#subkeys = subkeys;
    this.#salt = salt;
  }

  /** @param {Uint8Array} secret 32 bytes @param {Uint8Array} salt of the container */
  static of = async (secret, salt) => new RobustKey(await Subkeys.of(secret), salt);

  /** The key of a container that is read at a canonical size. @param {{width: number, height: number}} size */
  atSize = ({ width, height }) => new RobustKey(this.#subkeys, join(this.#salt, u32(height), u32(width)));

  dither = () => this.#subkeys.derive("robust/dither", this.#salt);
  places = () => this.#subkeys.derive("robust/places", this.#salt);
  headerMask = () => this.#subkeys.derive("robust/header", this.#salt);
  order = (header) => this.#subkeys.derive("robust/order", join(this.#salt, header));
  mask = (header) => this.#subkeys.derive("robust/mask", join(this.#salt, header));
  record = (header) => this.#subkeys.derive("robust/record", join(this.#salt, header));
}

/** HMAC-SHA256. */
export async function hmac(key, message) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/**
 * Keys by a key file's bytes or a passphrase.
 *
 * @typedef {object} KeySource
 * @property {(random: (size: number) => Uint8Array) => Uint8Array} filmSecret a new film's secret, which travels in
 *   its leads: random with a passphrase, zero with a key file
 * @property {(filmSecret: Uint8Array) => boolean} accepts false if no writer with such a key puts it into a lead
 * @property {(filmSecret: Uint8Array) => Promise<FilmKey>} filmKey
 * @property {(salt: Uint8Array) => Promise<FrameKey>} frameKey of a picture, or of the first frame of a film
 * @property {(salt: Uint8Array) => Promise<RobustKey>} robustKey of a robust container
 */

/**
 * @param {{file: Uint8Array} | {passphrase: string}} keyInput
 * @returns {KeySource}
 * @throws {PageError} neither is valid
 */
export const keySource = (keyInput) => (keyInput.file ? byFile(keyInput.file) : byPassphrase(keyInput.passphrase));

function byPassphrase(passphrase) {
  const bytes = text.encode(passphrase.normalize("NFC"));
  if (bytes.length < 1) throw new PageError("There is no passphrase.", "Type one, or use a key file.");
  if (bytes.length > MAX_BYTES || LONE_SURROGATE.test(passphrase)) {
    throw new PageError("The passphrase can't be used.", `It must be 1 to ${MAX_BYTES} bytes of Unicode text.`);
  }
  return {
    filmSecret: (random) => random(SECRET_BYTES),
    accepts: () => true,
    filmKey: async (filmSecret) => FilmKey.of(await (await Subkeys.of(filmSecret)).derive("film")),
    frameKey: async (salt) => FrameKey.of(await scryptAsync(bytes, salt, SCRYPT), salt),
    robustKey: async (salt) => RobustKey.of(await scryptAsync(bytes, salt, SCRYPT), salt),
  };
}

function byFile(bytes) {
  if (bytes.length !== KEY_BYTES) {
    throw new PageError(
      "This is not a key file.",
      `A key file has exactly ${KEY_BYTES} bytes; make one here, or with \`stegnet keygen\`.`,
    );
  }
  return {
    filmSecret: () => new Uint8Array(SECRET_BYTES),
    accepts: (filmSecret) => filmSecret.every((byte) => byte === 0),
    filmKey: () => FilmKey.of(bytes),
    frameKey: (salt) => FrameKey.of(bytes, salt),
    robustKey: (salt) => RobustKey.of(bytes, salt),
  };
}
