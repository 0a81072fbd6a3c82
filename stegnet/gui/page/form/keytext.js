/** Key files: text with a checksum, Bech32m as age writes its keys (docs/format.md, "Keys as text"). */

import { KEYS } from "../constants.js";
import { PageError } from "../errors.js";
import { decode, encode } from "./bech32m.js";

const { IDENTITY, KEY, KEY_BYTES, RECIPIENT } = KEYS;
const NAMES = {
  [KEY]: "a key",
  [IDENTITY]: "an identity",
  [RECIPIENT]: "a recipient",
  "age-secret-key-": "an identity of age",
  age: "a recipient of age",
};
const UNSEEN = /[\u200b\u2060\ufeff]/gu; // characters of no width, which web pages and mail put into a text
const AGAIN = "Copy it again.";
const FORM = `It begins with ${KEY.toUpperCase()}1. A passphrase belongs under “Passphrase”.`;
const DAMAGED = "that was damaged or cut: its checksum is wrong";
const USES = {
  [IDENTITY]: "An identity only reveals.",
  [RECIPIENT]: "A recipient only hides.",
};
const RECIPIENT_FORM = "A recipient begins with stegnet1. Ask whoever will reveal for theirs.";

/** A key as text, such as a QR code holds. @param {Uint8Array} secret 32 bytes */
export const keyText = (secret) => encode(KEY, secret).toUpperCase();

/** A recipient as text. @param {Uint8Array} publicKey 32 bytes */
export const recipientText = (publicKey) => encode(RECIPIENT, publicKey);

/** The content of an identity's file like `stegnet keygen`'s. @param {Uint8Array} secret 32 bytes @param {string} recipient as text */
export const identityFile = (secret, recipient) =>
  new TextEncoder().encode(
    `${KEYS.IDENTITY_COMMENT}\n# recipient: ${recipient}\n${encode(IDENTITY, secret).toUpperCase()}\n`,
  );

/** The content of a key file like `stegnet keygen`'s. @param {Uint8Array} secret 32 bytes */
export const keyFile = (secret) => new TextEncoder().encode(`${KEYS.KEY_COMMENT}\n${keyText(secret)}\n`);

/**
 * The input that a key file, or an identity's file, is for a job; arguments and errors as of `readKey`.
 *
 * @returns {{file: Uint8Array} | {identity: Uint8Array}} 32 bytes
 */
export function readKeyOrIdentity(content) {
  const lines = typeof content === "string" ? [content] : linesOf(content, IDENTITY);
  if (lines?.length !== 1 || kindOf(lines[0]) !== IDENTITY) return { file: readKey(content) };
  const identity = decode(IDENTITY, lines[0]);
  if (identity?.length !== KEY_BYTES) refuse(`an identity ${DAMAGED}`, AGAIN);
  return { identity };
}

/**
 * The 32 bytes of a key, from a key file's content (32 raw bytes in earlier versions) or a scanned text.
 *
 * @param {Uint8Array | string} content
 * @throws {PageError} it is no key; nothing of it is in the message
 */
export function readKey(content) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (isRawKey(bytes)) return bytes;
  const lines = linesOf(bytes);
  if (lines?.length === 0 && !bytes.some((byte) => byte > 32)) refuse("empty, and so not a key file", AGAIN);
  if (lines?.length === 0) refuse("not a key file: it holds a comment only", AGAIN);
  const kind = lines?.length === 1 ? kindOf(lines[0]) : undefined;
  if (kind in USES) refuse(`${NAMES[kind]}, not a key file`, USES[kind]);
  if (kind !== KEY) refuse(`${kind ? `${NAMES[kind]}, ` : ""}not a key file`, FORM);
  const secret = decode(KEY, lines[0]);
  if (secret?.length !== KEY_BYTES) refuse(`a key ${DAMAGED}`, AGAIN);
  return secret;
}

/**
 * The 32 bytes of a recipient, from its text.
 *
 * @throws {PageError} it is none; nothing of it is in the message, since it may be a key
 */
export function readRecipient(text) {
  const lines = linesOf(new TextEncoder().encode(text), RECIPIENT);
  const kind = lines.length === 1 ? kindOf(lines[0]) : undefined;
  if (kind !== RECIPIENT) refuse(`${kind ? `${NAMES[kind]}, ` : ""}not a recipient`, RECIPIENT_FORM);
  const publicKey = decode(RECIPIENT, lines[0]);
  if (publicKey?.length !== KEY_BYTES) refuse(`a recipient ${DAMAGED}`, AGAIN);
  return publicKey;
}

function refuse(problem, hint) {
  throw new PageError(`This is ${problem}.`, hint);
}

/** True for a key file of earlier versions: 32 random bytes, and no text, such as a passphrase. */
const isRawKey = (bytes) => bytes.length === KEY_BYTES && (textOf(bytes) === undefined || bytes.some(isControl));

const isControl = (byte) => byte === 127 || (byte < 32 && ![9, 10, 13].includes(byte));

/** The lines of a text that are no comments, or the wanted one alone, where mail wrapped it; undefined if it is no text. */
function linesOf(bytes, wanted = KEY) {
  const lines = textOf(bytes, encodingOf(bytes))
    ?.replace(UNSEEN, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith("#"));
  const whole = lines?.slice(Math.max(0, lines.findIndex((line) => kindOf(line) === wanted))).join("");
  return whole && decode(wanted, whole) ? [whole] : lines;
}

const encodingOf = ([first, second]) =>
  first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";

/** Bytes as text, by default UTF-8; undefined if they are none. */
function textOf(bytes, encoding = "utf-8") {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The prefix of a text by its beginning, even if it was cut there. */
function kindOf(line) {
  const text = line.toLowerCase();
  const cut = (kind) => kind.endsWith("-") && kind.startsWith("stegnet") && kind.startsWith(text.slice(0, kind.length));
  const kinds = Object.keys(NAMES);
  return kinds.find((kind) => text.startsWith(`${kind}1`)) ?? kinds.find(cut);
}
