/** What was hidden for a recipient opens with its identity (docs/format.md, "Recipients"; tests/format/recipient.json). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { openIdentity, pointOf } from "../../stegnet/gui/browser/format/identity.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { ideal, random, read } from "./vectors.js";

const expected = JSON.parse(read("recipient.json"));
const identity = fromHex(expected.identity);

test("an identity's recipient, and the point of an ephemeral key", async () => {
  const { recipient, agree } = await openIdentity(identity);
  assert.equal(toHex(recipient), expected.recipient);
  assert.equal(toHex(pointOf(fromHex(expected.ephemeral))), expected.point);
  assert.equal(await agree(new Uint8Array(32)), null, "a point of low order");
});

test("a container for a recipient", async () => {
  const container = await readPng(read("recipient.png"));
  const { file, whole } = await reveal(ideal("none"), container, { identity });
  assert.deepEqual([file.name, Buffer.from(file.bytes).toString(), whole], [expected.name, expected.data, true]);
  for (const keyInput of [{ identity: random(32) }, { file: identity }]) {
    await assert.rejects(reveal(ideal("none"), container, keyInput), /nothing here opens/);
  }
});

test("an identity hides nothing", async () => {
  await assert.rejects(keySource({ identity }).newKeys(random), /only reveals/);
});
