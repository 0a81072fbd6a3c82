/** AES as the format uses it, on Web Crypto. */

const TAG_BITS = 128;

/** AES-256-GCM encryption; the tag is appended. */
export async function sealWith(key, nonce, plaintext, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "encrypt");
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: TAG_BITS };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, aes, plaintext));
}

/** The plaintext; null if authentication fails. */
export async function openWith(key, nonce, sealed, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "decrypt");
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData, tagLength: TAG_BITS };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, aes, sealed));
  } catch (error) {
    if (error.name === "OperationError") return null;
    throw error;
  }
}

/** `size` bytes of the AES-256-CTR keystream. @param {number} start highest byte of the first counter block; 0 below */
export async function stream(key, size, start = 0) {
  const aes = await imported(key, "AES-CTR", "encrypt");
  const counter = Uint8Array.from({ length: 16 }, (_, at) => (at === 0 ? start : 0));
  return crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, aes, new Uint8Array(size));
}

const imported = (key, name, use) => crypto.subtle.importKey("raw", key, name, false, [use]);
