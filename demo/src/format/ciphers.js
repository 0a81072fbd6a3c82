/** AES as the format uses it, by Web Crypto. */

const TAG_BITS = 128;

/** AES-256-GCM; the tag goes last. */
export async function sealWith(key, nonce, plaintext, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "encrypt");
  const how = { name: "AES-GCM", iv: nonce, additionalData, tagLength: TAG_BITS };
  return new Uint8Array(await crypto.subtle.encrypt(how, aes, plaintext));
}

/** What was sealed; null where it does not open. */
export async function openWith(key, nonce, sealed, additionalData = new Uint8Array()) {
  const aes = await imported(key, "AES-GCM", "decrypt");
  const how = { name: "AES-GCM", iv: nonce, additionalData, tagLength: TAG_BITS };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(how, aes, sealed));
  } catch (error) {
    if (error.name === "OperationError") return null;
    throw error;
  }
}

/** `size` bytes of the AES-256-CTR keystream, counter block from zero. */
export async function stream(key, size) {
  const aes = await imported(key, "AES-CTR", "encrypt");
  const how = { name: "AES-CTR", counter: new Uint8Array(16), length: 128 };
  return crypto.subtle.encrypt(how, aes, new Uint8Array(size));
}

const imported = (key, name, use) => crypto.subtle.importKey("raw", key, name, false, [use]);
