/** Keys as text and QR codes, and the files that hold them (tests/format/keytext.json). */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { keyFile, keyText, readKey, readKeyOrIdentity } from "../../stegnet/gui/page/form/keytext.js";
import decodeQR from "../../stegnet/gui/page/vendor/decode.js";
import encodeQR from "../../stegnet/gui/page/vendor/index.js";
import { read } from "./vectors.js";

const vectors = JSON.parse(read("keytext.json"));
const secret = fromHex(vectors.bytes);
const refused = (answer) => (error) => error.message.startsWith(`This is ${answer}`) && error.hint !== "";

test("a key as text", () => {
  assert.equal(keyText(secret), vectors.texts.key);
  assert.equal(toHex(readKey(vectors.texts.key)), vectors.bytes);
  assert.equal(toHex(readKey(keyFile(secret))), vectors.bytes);
});

for (const { name, content, encoding, answer } of vectors.files) {
  test(`key file: ${name}`, () => {
    const bytes = Uint8Array.from(Buffer.from(content, encoding));
    if (answer === "key") assert.equal(toHex(readKey(bytes)), vectors.bytes);
    else assert.throws(() => readKey(bytes), refused(answer));
  });
}

test("key files of earlier versions", () => {
  assert.deepEqual(readKey(secret), secret);
  for (const size of [31, 33, 4096]) assert.throws(() => readKey(new Uint8Array(size).fill(200)), /not a key file/);
});

test("the QR codes of many keys are read from unsharp pictures", () => {
  const missed = [];
  for (let number = 0; number < 300; number++) {
    const text = keyText(createHash("sha256").update(`${number}`).digest());
    if (decodeQR(unsharp(encodeQR(text, "raw", { border: 4 }), 6.4)) !== text) missed.push(number);
  }
  assert.deepEqual(missed, []);
});

/** An unsharp picture of a code, interpolated linearly between the middles of modules. */
function unsharp(rows, pixels) {
  const side = Math.round(pixels * rows.length);
  const grey = (y, x) => (rows[Math.min(y, rows.length - 1)][Math.min(x, rows.length - 1)] ? 0 : 255);
  const between = (one, other, share) => one + share * (other - one);
  const data = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let at = 0; at < side * side; at++) {
    const [y, x] = [Math.floor(at / side), at % side].map((pixel) => Math.max(0, (pixel + 0.5) / pixels - 0.5));
    const [top, left] = [y, x].map(Math.floor);
    const across = (row) => between(grey(row, left), grey(row, left + 1), x - left);
    data.fill(between(across(top), across(top + 1), y - top), 4 * at, 4 * at + 3);
  }
  return { width: side, height: side, data };
}

test("an identity is taken where it reveals, also wrapped, and a key stays a key", () => {
  const { identity, key } = vectors.texts;
  const encoded = (text) => new TextEncoder().encode(text);
  const wrapped = `${identity.slice(0, 40)}\n${identity.slice(40)}\n`;
  for (const content of [identity, encoded(`# a comment\n${identity.toLowerCase()}\n`), encoded(wrapped)]) {
    assert.equal(toHex(readKeyOrIdentity(content).identity), vectors.bytes);
  }
  assert.deepEqual(readKeyOrIdentity(encoded(key)), { file: secret });
  assert.throws(() => readKeyOrIdentity(encoded(identity.slice(0, -1))), refused("an identity that was damaged or cut"));
  assert.throws(() => readKey(encoded(identity)), refused("an identity, not a key file"));
});
