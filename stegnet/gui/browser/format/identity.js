/**
 * Identities: private keys, which open what was hidden for their recipient; and the ephemeral keys with which it is hidden
 * (docs/format.md, "Recipients"; Elligator 2 as in stegnet/keys/elligator.py).
 */

import { KEYS } from "../../page/constants.js";
import { PageError } from "../errors.js";
import { join } from "./bytes.js";
import { stream } from "./ciphers.js";

const { EPHEMERAL_TRITS, KEY_BYTES } = KEYS;

const P = (1n << 255n) - 19n; // order of the field
const A = 486662n; // v² = u³ + A u² + u
const PKCS8 = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32); // before a key's 32 bytes (RFC 8410)
// u of the eight points of low order (the neutral one has none); except for the first two, each has two points.
const ORDER_8 = [
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
];
const ADDED = [null, 0n, 1n, 1n, ORDER_8[0], ORDER_8[0], ORDER_8[1], ORDER_8[1]];
const BASE = Uint8Array.from({ length: 32 }, (_, at) => (at ? 0 : 9)); // point whose multiples are public keys

/**
 * An identity's two keys.
 *
 * @param {Uint8Array} secret 32 bytes
 * @returns {Promise<{recipient: Uint8Array, agree: (point: Uint8Array) => Promise<Uint8Array | null>}>} agree: the secret
 *   that it shares with another's public key; null if that is zero
 */
export async function openIdentity(secret) {
  const own = await imported("pkcs8", join(PKCS8, secret), ["deriveBits"]);
  const agree = async (point) => {
    const other = await imported("raw", point, []);
    try {
      return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: other }, own, 256));
    } catch (error) {
      if (error.name === "OperationError") return null; // a point of low order
      throw error;
    }
  };
  return { recipient: await agree(BASE), agree };
}

/** The public key of an identity. */
export const recipientOf = async (secret) => (await openIdentity(secret)).recipient;

async function imported(form, bytes, uses) {
  try {
    return await crypto.subtle.importKey(form, bytes, { name: "X25519" }, false, uses);
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    throw new PageError("This browser is too old for identities.", "Use a current one, or the program.");
  }
}

/** An ephemeral key as its 32 bytes, of which a zone carries these trits: the lowest bits of a number to the base 3. */
export function disguisedOf(trits) {
  const number = trits.reduceRight((sum, trit) => 3n * sum + BigInt(trit), 0n);
  return bytesOf(number % (1n << 256n));
}

/**
 * A new ephemeral key: its private key as of `openIdentity`, its 32 bytes in disguise, and the trits that carry them.
 *
 * @param {Uint8Array} seed 32 bytes, used for this key alone
 */
export async function newEphemeral(seed) {
  const [attempts, fillerBytes] = [128, 16]; // half of the attempts give a key
  const size = KEY_BYTES + 1 + fillerBytes;
  const bytes = new Uint8Array(await stream(seed, attempts * size));
  for (let at = 0; at < bytes.length; at += size) {
    const { recipient: publicKey, agree } = await openIdentity(bytes.slice(at, at + KEY_BYTES));
    const disguised = representative(publicKey, bytes[at + KEY_BYTES]);
    if (disguised) return { agree, disguised, trits: tritsOf(disguised, bytes.slice(at + KEY_BYTES + 1, at + size)) };
  }
  throw new Error("no ephemeral key in 128 attempts");
}

/** Uniformly random trits: the lowest bits of their number to the base 3 are 32 random bytes; filler: other random bytes. */
function tritsOf(disguised, filler) {
  const least = numberOf(disguised);
  const bits = BigInt(8 * KEY_BYTES);
  const count = ((3n ** BigInt(EPHEMERAL_TRITS) - 1n - least) >> bits) + 1n;
  let number = least + ((numberOf(filler) % count) << bits);
  return Uint8Array.from({ length: EPHEMERAL_TRITS }, () => {
    const trit = Number(number % 3n);
    number /= 3n;
    return trit;
  });
}

/**
 * Uniformly random bytes that represent a public key, 32 of them; null for half of all keys.
 *
 * The key changes: a point of low order is added, which X25519 ignores, so that the result may be any point of the curve.
 *
 * @param {number} randomness a byte that is used for this key alone
 */
export function representative(publicKey, randomness) {
  let u = numberOf(publicKey);
  const added = ADDED[randomness % 8];
  if (added !== null) {
    const [v, other] = [root(curve(u)), root(curve(added))]; // which of the two points with this u is unknown
    const slope = (v + (randomness % 2 ? -other : other)) * inverse(u - added);
    u = modulo(slope * slope - A - u - added);
  }
  const parts = (randomness >> 3) & 1 ? [u, -(u + A)] : [-(u + A), u];
  const square = modulo(parts[0] * inverse(2n * parts[1]));
  const r = root(square);
  if (modulo(r * r) !== square) return null;
  return bytesOf((r < P - r ? r : P - r) | (BigInt((randomness >> 4) & 3) << 254n));
}

/** v² of the points (u, v). */
const curve = (u) => modulo((u * u + A * u + 1n) * u);

const inverse = (value) => power(value, P - 2n);

/** A square root of a square modulo P; of other values, a number whose square differs. */
function root(value) {
  const found = power(value, (P + 3n) / 8n);
  return modulo(found * found - value) === 0n ? found : modulo(found * power(2n, (P - 1n) / 4n));
}

/** The public key that any 32 bytes represent, by Elligator 2; all of it is public, so that its time may tell of it. */
export function pointOf(disguised) {
  const r = numberOf(disguised) % (1n << 254n); // the two highest bits are random
  const u = modulo(-A * inverse(1n + 2n * r * r)); // the divisor is never 0, since −½ is no square
  const isSquare = power(curve(u), (P - 1n) / 2n) !== P - 1n;
  return bytesOf(isSquare ? u : modulo(-A - u));
}

const modulo = (value) => ((value % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let square = modulo(base), rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P) {
    if (rest & 1n) result = (result * square) % P;
  }
  return result;
}

const numberOf = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const bytesOf = (number) => Uint8Array.from({ length: 32 }, (_, at) => Number((number >> BigInt(8 * at)) & 255n));
