/** Identities: private keys, which open what was hidden for their recipient (docs/format.md, "Recipients"). */

import { PageError } from "../errors.js";
import { join } from "./bytes.js";

const P = (1n << 255n) - 19n; // order of the field
const A = 486662n; // v² = u³ + A u² + u
const PKCS8 = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32); // before a key's 32 bytes (RFC 8410)
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

/** The public key that any 32 bytes represent, by Elligator 2; all of it is public, so that its time may tell of it. */
export function pointOf(disguised) {
  const r = numberOf(disguised) % (1n << 254n); // the two highest bits are random
  const u = modulo(-A * power(1n + 2n * r * r, P - 2n)); // the divisor is never 0, since −½ is no square
  const isSquare = power((u * u + A * u + 1n) * u, (P - 1n) / 2n) !== P - 1n;
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
