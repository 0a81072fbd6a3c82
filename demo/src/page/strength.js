/** Passphrases: new ones, and what is said of those that are typed. */

export const TYPED = "Anyone who has the container can try passphrases on it: use a long, random one.";
const GENERATED = "80 random bits: nobody can guess it, and nobody can recover it. Keep it, and send it another way than the picture.";
const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new passphrase, 80 random bits in letters and digits that are not easily confused, and a note on it. */
export function newPassphrase() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => CROCKFORD[byte % 32]);
  return { passphrase: digits.join("").match(/.{4}/g).join("-"), note: GENERATED };
}

/** A note on a passphrase that is being typed. */
export const noteOn = () => TYPED;
