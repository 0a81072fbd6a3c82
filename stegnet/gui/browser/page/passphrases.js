/** New passphrases, and notes on typed ones: those of a page without the program. */

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const GENERATED = "80 random bits: nobody can guess it, and nobody can recover it. Keep it, and send it separately from the picture.";

/** @type {import("../../page/form/passphrase.js").Passphrases} */
export const passphrases = { make: newPassphrase, judge: async () => "" };

/** 80 random bits in letters and digits that are not easily confused. */
async function newPassphrase() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => CROCKFORD[byte % 32]);
  return { passphrase: digits.join("").match(/.{4}/g).join("-"), note: GENERATED };
}
