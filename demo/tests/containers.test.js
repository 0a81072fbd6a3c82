/** Containers that Python hid are revealed, and containers hidden here have the same samples. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { hide } from "../src/codec/hide.js";
import { reveal } from "../src/codec/reveal.js";
import { fromHex, join, u32 } from "../src/format/bytes.js";
import { Key } from "../src/format/keys.js";
import { seal } from "../src/format/seal.js";
import { psnr } from "../src/picture.js";
import { readPng, writePng } from "../src/png.js";
import { ideal, picture, read, steps, vectors } from "./vectors.js";

const given = ({ key, passphrase }) => (key ? { file: fromHex(key) } : { passphrase });
const digest = ({ data }) => createHash("sha256").update(data).digest("hex");

for (const vector of vectors.filter(({ file }) => file.endsWith(".png"))) {
  test(`${vector.file} is ${vector.answer}`, async () => {
    const container = readPng(read(`vectors/${vector.file}`));
    if (vector.answer === "nothing") {
      await assert.rejects(reveal(ideal(false), container, given(vector)), { message: /nothing here opens/ });
      return;
    }
    const { secret, whole } = await reveal(ideal(false), container, given(vector));
    assert.equal(whole, vector.answer === "whole");
    assert.deepEqual([digest(secret)], vector.shown);
  });
}

for (const [index, hidden] of steps.hidden.entries()) {
  test(`hidden ${index}`, async () => {
    const drawn = hidden.random.map(fromHex);
    const random = (size) => {
      assert.equal(drawn[0].length, size);
      return drawn.shift();
    };
    const [cover, secret] = [picture(hidden.cover), picture(hidden.secret)];
    const { container } = await hide(ideal(false), cover, secret, given(hidden.given), random);
    assert.deepEqual(container, picture(hidden.container));
    assert.deepEqual(cover, picture(hidden.cover));
  });
}

test("with the detail layer", async () => {
  const [cover, secret] = [picture(steps.hidden[0].cover), picture(steps.hidden[0].secret)];
  const key = { passphrase: "x" };
  const { container } = await hide(ideal(true), cover, secret, key);
  const back = await reveal(ideal(true), container, key);
  assert.equal(back.whole, true);
  assert.ok(psnr(back.secret, secret) > 20);
});

test("a cover that is too small is refused", async () => {
  const small = { width: 36, height: 36, data: new Uint8Array(36 * 36 * 3) };
  const thin = { width: 4000, height: 7, data: new Uint8Array(4000 * 7 * 3) };
  for (const cover of [small, thin]) {
    await assert.rejects(hide(ideal(true), cover, small, { passphrase: "x" }), { message: /too small/ });
  }
});

for (const [kind, name] of [
  [2, "film"],
  [3, "file"],
]) {
  test(`a ${name} is distinguished from a picture`, async () => {
    const secret = fromHex(steps.key);
    const [key, filmId] = [await Key.of(secret), fromHex(steps.film_id)];
    const record = join(filmId, await key.commitment(filmId), [kind], u32(9), u32(4));
    const container = picture(steps.hidden[0].cover);
    await seal(container, record, key, fromHex(steps.nonce), fromHex(steps.salt), new Int8Array(container.data.length));
    await assert.rejects(reveal(ideal(true), container, { file: secret }), { message: new RegExp(`a ${name}`) });
  });
}

test("other weights are refused by name", async () => {
  const container = readPng(read("vectors/good.png"));
  const other = { ...ideal(false), pair: { ...ideal(false).pair, weights: "ab".repeat(32) } };
  await assert.rejects(reveal(other, container, given(vectors[0])), { message: /weights 5e5e5e5e5e5e5e5e/ });
});

test("a written PNG file can be read back", async () => {
  const some = picture(steps.hidden[0].container);
  assert.deepEqual(readPng(await writePng(some)), some);
});

test("other files and truncated PNG files are refused", async () => {
  const file = read("vectors/good.png");
  assert.throws(() => readPng(new Uint8Array(100)), /not a PNG/);
  assert.throws(() => readPng(file.subarray(0, 40)), /damaged/);
  assert.throws(() => readPng(file.subarray(0, file.length / 2)), /damaged/);
});
