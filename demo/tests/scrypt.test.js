/** scrypt gives what RFC 7914 and OpenSSL give. */

import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { test } from "node:test";

import { toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { scrypt } from "../../stegnet/gui/browser/format/scrypt.js";

const encoded = (text) => new TextEncoder().encode(text);

test("the vectors of RFC 7914, 12", async () => {
  const salted = await scrypt(encoded("password"), encoded("NaCl"), { N: 1024, r: 8, p: 16, size: 64 });
  assert.match(toHex(salted), /^fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162/);
  const sweet = await scrypt(encoded("pleaseletmein"), encoded("SodiumChloride"), { N: 16384, r: 8, p: 1, size: 64 });
  assert.match(toHex(sweet), /^7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2/);
});

test("a passphrase as of containers, with progress up to 1", async () => {
  const [passphrase, salt, told] = [encoded("zwei Käse"), encoded("sixteen bytes!!!"), []];
  const key = await scrypt(passphrase, salt, { N: 2 ** 15, r: 8, p: 1, size: 32, onProgress: (done) => told.push(done) });
  assert.deepEqual(Buffer.from(key), scryptSync(passphrase, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 28 }));
  assert.deepEqual(told, [...told].sort());
  assert.equal(told.at(-1), 1);
});
