/** Keys, and the subkeys derived from them (docs/format.md, "Keys"). */

import { KEYS } from "../../page/constants.js";
import { PageError } from "../errors.js";
import { equal, join, u32, u64 } from "./bytes.js";
import { disguisedOf, newEphemeral, openIdentity, pointOf } from "./identity.js";
import { scrypt } from "./scrypt.js";

export const { KEY_BYTES, SECRET_BYTES } = KEYS;
const { ANCHORS, MAX_PASSPHRASE, MOST_TRIES } = KEYS; // ANCHORS: of 256 values of a salt's first byte
const { n: N, r, p } = KEYS.SCRYPT;
const SCRYPT = { N, r, p, size: KEY_BYTES };
const LONE_SURROGATE = /\p{Surrogate}/u;
const NONE = new Uint8Array();
const text = new TextEncoder();

/** HKDF of a secret of 16 or 32 bytes, which can't be exported: derives a subkey for a purpose. */
async function hkdf(secret) {
  const master = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return async (purpose, salt = NONE, { suffix = NONE, size = KEY_BYTES } = {}) => {
    const info = join(text.encode(`stegnet/1/${purpose}`), suffix);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, master, 8 * size));
  };
}

/** The key of one frame. @param {Uint8Array} secret 32 bytes @param {Uint8Array} salt of the frame */
const frameKeyOf = async (secret, salt) => frameKey(await hkdf(secret), salt);

const frameKey = (derive, salt) => ({
  lead: () => derive("lead", salt, { size: 2 * KEY_BYTES }),
  record: () => derive("record", salt, { size: 2 * KEY_BYTES }),
  positions: () => derive("positions", salt),
  mac: () => derive("mac", salt),
});

/** The key of a whole film; a picture is a film of one frame. @param {Uint8Array} secret 32 bytes */
export async function filmKeyOf(secret) {
  const derive = await hkdf(secret);
  return {
    /** The key of a frame that is no anchor. @param {Uint8Array} salt of the frame */
    frame: (salt) => frameKey(derive, salt),
    /** Subkey of a picture's shuffle: that of frame 0. */
    shuffle: (filmId) => derive("shuffle", filmId, { suffix: u64(0) }),
  };
}

/** The key of a robust container (docs/format.md, "Keys of robust containers"). */
const robustKey = (derive, salt) => ({
  /** The key of a container that is read at a canonical size. */
  atSize: ({ width, height }) => robustKey(derive, join(salt, u32(height), u32(width))),
  dither: () => derive("robust/dither", salt),
  places: () => derive("robust/places", salt),
  headerMask: () => derive("robust/header", salt),
  order: (header) => derive("robust/order", join(salt, header)),
  mask: (header) => derive("robust/mask", join(salt, header)),
  record: (header) => derive("robust/record", join(salt, header)),
});

/**
 * The keys of one container.
 *
 * @typedef {object} ContainerKeys
 * @property {object} film as of `filmKeyOf`; with a recipient, also `isForRecipient`: some frames carry an ephemeral key
 * @property {Uint8Array} secret in the records of several frames: random with a passphrase, zero with a key file
 * @property {(salt: Uint8Array, first: boolean) => Promise<object>} frameKey of the frame with a salt; first: it is
 *   frame 0
 *
 * The keys of a key file, a passphrase, an identity, or a recipient.
 *
 * @typedef {object} KeySource
 * @property {(random: (size: number) => Uint8Array) => Promise<ContainerKeys>} newKeys of a new container; an identity
 *   hides nothing
 * @property {() => KeyRing} ring to read a container, which a recipient's public key does not
 * @property {((salt: Uint8Array) => Promise<object>) | null} robustKey of a robust container, which none is for a
 *   recipient
 *
 * The keys with which the frames of a container may open.
 *
 * @typedef {object} KeyRing
 * @property {object | null} film null until a frame has opened; with a key file, always known
 * @property {boolean} seeksAnchor no frame has opened, and another one may by the passphrase alone
 * @property {(salt: Uint8Array, first: boolean, ephemeral: (publicKey: Uint8Array) => Promise<Uint8Array | null>) =>
 *   AsyncIterable<object>} candidates first: it is the first frame of its file; ephemeral: reads the trits of an
 *   ephemeral key at the places by a recipient's key of positions
 * @property {(secret: Uint8Array) => Promise<boolean>} accepts compares the film secret in a record with the
 *   film's own, which the first frame that opens gives
 */

/** @throws {PageError} neither is valid */
export function keySource(keyInput) {
  if (keyInput.identity) return byIdentity(keyInput.identity);
  if (keyInput.recipient) return byRecipient(keyInput.recipient);
  return keyInput.file ? byFile(keyInput.file) : byPassphrase(keyInput);
}

/**
 * A passphrase of words or groups of digits as it is generated, in small letters with hyphens; null if it is written so,
 * or of another kind.
 */
export function asGenerated(passphrase) {
  const parts = passphrase.toLowerCase().match(/[^\s-]+/g) ?? [];
  const joined = parts.join("-");
  return joined !== passphrase && parts.length > 2 && parts.every((part) => /^[a-z0-9]+$/.test(part)) ? joined : null;
}

/** onTry: is told how much of a key's derivation is done, up to 1 */
function byPassphrase({ passphrase, onTry }) {
  const bytes = text.encode(passphrase.normalize("NFC"));
  if (bytes.length < 1) throw new PageError("There is no passphrase.", "Type one, or use a key file.");
  if (bytes.length > MAX_PASSPHRASE || LONE_SURROGATE.test(passphrase)) {
    throw new PageError("The passphrase can't be used.", `It must be 1 to ${MAX_PASSPHRASE} bytes of Unicode text.`);
  }
  const derive = (salt) => scrypt(bytes, salt, { ...SCRYPT, onProgress: onTry });
  const derived = async (salt) => frameKeyOf(await derive(salt), salt);
  return {
    async newKeys(random) {
      const secret = random(SECRET_BYTES);
      const film = await filmKeyOfSecret(secret);
      return { film, secret, frameKey: (salt, first) => (first || isAnchor(salt) ? derived(salt) : film.frame(salt)) };
    },
    ring: () => new AnchorRing(derived),
    robustKey: async (salt) => robustKey(await hkdf(await derive(salt)), salt),
  };
}

function byFile(bytes) {
  if (bytes.length !== KEY_BYTES) {
    throw new PageError(
      "This is not a key file.",
      `A key file has exactly ${KEY_BYTES} bytes; make one here, or with the program.`,
    );
  }
  const secret = new Uint8Array(SECRET_BYTES);
  const film = filmKeyOf(bytes);
  return {
    newKeys: async () => ({ film: await film, secret, frameKey: async (salt) => (await film).frame(salt) }),
    ring: () => ({
      film: null,
      seeksAnchor: false,
      async *candidates(salt) {
        this.film = await film;
        yield this.film.frame(salt);
      },
      accepts: async (given) => given.every((byte) => byte === 0),
    }),
    robustKey: async (salt) => robustKey(await hkdf(bytes), salt),
  };
}

function byIdentity(secret) {
  const opened = openIdentity(secret);
  return {
    newKeys: async () => {
      throw new PageError("An identity only reveals.", "To hide, use a passphrase or a key file.");
    },
    ring: () => new AnchorRing(async (salt, ephemeral) => agreedKey(await opened, salt, ephemeral)),
    robustKey: null,
  };
}

/** @param {Uint8Array} recipient 32 bytes, a public key */
function byRecipient(recipient) {
  return {
    async newKeys(random) {
      const secret = random(SECRET_BYTES);
      const film = { ...(await filmKeyOfSecret(secret)), isForRecipient: true };
      const ephemeralSeed = await hkdf(secret);
      const anchor = async (salt) => {
        const { agree, disguised, trits } = await newEphemeral(await ephemeralSeed("ephemeral", salt));
        const shared = await agree(recipient);
        if (shared) return { ...(await anchorKey(shared, disguised, recipient, salt)), trits };
        throw new PageError("Nothing can be hidden for this recipient: its key is not valid.", "Ask for it again.");
      };
      return { film, secret, frameKey: (salt, first) => (first || isAnchor(salt) ? anchor(salt) : film.frame(salt)) };
    },
    robustKey: null,
  };
}

/** The key of an anchor for an identity's recipient; null if it has no such key. */
async function agreedKey({ recipient, agree }, salt, ephemeral) {
  const trits = await ephemeral(await publicPositionsOf(recipient, salt));
  if (!trits) return null;
  const disguised = disguisedOf(trits);
  const shared = await agree(pointOf(disguised));
  return shared && anchorKey(shared, disguised, recipient, salt);
}

/** The key of an anchor, whose ephemeral key is at places by `publicPositions`. */
async function anchorKey(shared, disguised, recipient, salt) {
  const key = await (await hkdf(shared))("recipient", join(disguised, recipient));
  return { ...(await frameKeyOf(key, salt)), publicPositions: () => publicPositionsOf(recipient, salt) };
}

const publicPositionsOf = async (recipient, salt) => (await frameKeyOf(recipient, salt)).positions();

/** The film key that belongs to a film secret in the records of a film hidden with a passphrase. */
const filmKeyOfSecret = async (secret) => filmKeyOf(await (await hkdf(secret))("film"));

/** True for one frame in 64: with a passphrase, it can be opened without any other frame. */
const isAnchor = (salt) => salt[0] < ANCHORS;

/**
 * The keys of a container that a passphrase or an identity opens; they are learnt from the first frame that does.
 *
 * @implements {KeyRing}
 */
class AnchorRing {
  film = null;
  #secret = null;
  #derived;
  #left = { locked: MOST_TRIES, known: MOST_TRIES }; // tries that cost a key derivation

  constructor(derived) {
    this.#derived = derived;
  }

  async *candidates(salt, first, ephemeral) {
    if (this.film && !isAnchor(salt)) {
      yield this.film.frame(salt);
      if (!this.#mayTry("known")) return; // frame 0, moved
    } else if (!this.film && !first && !(isAnchor(salt) && this.#mayTry("locked"))) return;
    const key = await this.#derived(salt, ephemeral);
    if (key) yield key;
  }

  async accepts(secret) {
    this.film ??= await filmKeyOfSecret(secret);
    this.#secret ??= secret;
    return equal(this.#secret, secret);
  }

  get seeksAnchor() {
    return !this.film && this.#left.locked > 0;
  }

  #mayTry = (kind) => this.#left[kind]-- > 0;
}
