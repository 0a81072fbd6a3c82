/** Bech32m (BIP-350): bytes as text with a prefix and a checksum, of any length. */

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const [CHECKSUM, VALID] = [6, 0x2bc830a3]; // words, and what the checksum of a valid text is
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** @param {string} prefix @param {Uint8Array} bytes */
export function encode(prefix, bytes) {
  const words = regrouped([...bytes, 0], 8, 5).slice(0, Math.ceil((8 * bytes.length) / 5)); // zeros fill the last one
  const sum = remainder([...expanded(prefix), ...words, ...new Array(CHECKSUM).fill(0)]) ^ VALID;
  const check = Array.from({ length: CHECKSUM }, (_, at) => (sum >> (5 * (CHECKSUM - 1 - at))) & 31);
  return `${prefix}1${[...words, ...check].map((word) => ALPHABET[word]).join("")}`;
}

/** The bytes of a text with this prefix, all upper or all lower case; null if it is damaged. */
export function decode(prefix, text) {
  const lower = text.toLowerCase();
  if (![lower, text.toUpperCase()].includes(text) || !lower.startsWith(`${prefix}1`)) return null;
  const words = Array.from(lower.slice(prefix.length + 1), (letter) => ALPHABET.indexOf(letter));
  if (words.includes(-1) || remainder([...expanded(prefix), ...words]) !== VALID) return null;
  const data = words.slice(0, -CHECKSUM);
  const rest = (5 * data.length) % 8; // bits that fill the last word
  return rest > 4 || (data.at(-1) & ((1 << rest) - 1)) !== 0 ? null : Uint8Array.from(regrouped(data, 5, 8));
}

/** The words that a prefix counts as in the checksum. */
function expanded(prefix) {
  const codes = Array.from(prefix, (letter) => letter.charCodeAt());
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function remainder(words) {
  let sum = 1;
  for (const word of words) {
    const top = sum >> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    for (const [bit, value] of GENERATOR.entries()) if ((top >> bit) & 1) sum ^= value;
  }
  return sum;
}

/** Words of `from` bits as words of `to` bits; bits that fill none are left out. */
function regrouped(words, from, to) {
  const result = [];
  let [value, bits] = [0, 0];
  for (const word of words) {
    [value, bits] = [(value << from) | word, bits + from];
    for (; bits >= to; bits -= to) result.push((value >> (bits - to)) & ((1 << to) - 1));
    value &= (1 << bits) - 1;
  }
  return result;
}
