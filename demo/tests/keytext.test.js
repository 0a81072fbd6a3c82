/** Keys as text, and the files that hold them (tests/format/keytext.json). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex } from "../src/format/bytes.js";
import { keyFile, keyText, readKey } from "../../stegnet/gui/page/form/keytext.js";
import { read } from "./vectors.js";

const vectors = JSON.parse(read("keytext.json"));
const secret = fromHex(vectors.bytes);
const refused = (answer) => (error) => error.message.startsWith(`This is ${answer}`) && error.hint !== "";

test("a key as text", () => {
  assert.equal(keyText(secret), vectors.texts.key);
  assert.equal(toHex(readKey(vectors.texts.key)), vectors.bytes);
  assert.equal(toHex(readKey(keyFile(secret))), vectors.bytes);
});

for (const { name, content, answer } of vectors.files) {
  test(`key file: ${name}`, () => {
    if (answer === "key") assert.equal(toHex(readKey(new TextEncoder().encode(content))), vectors.bytes);
    else assert.throws(() => readKey(content), refused(answer));
  });
}

test("key files of earlier versions", () => {
  assert.deepEqual(readKey(secret), secret);
  for (const size of [31, 33, 4096]) assert.throws(() => readKey(new Uint8Array(size).fill(200)), /not a key file/);
});
