/** The test vectors are revealed, and containers hidden here can be revealed here. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { hide } from "../src/codec/hide.js";
import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { CODED, MEANS, NONE } from "../../stegnet/gui/browser/format/base.js";
import { fromHex, join, sized, u32, u64 } from "../../stegnet/gui/browser/format/bytes.js";
import { roundingCosts } from "../../stegnet/gui/browser/format/costs.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { seal } from "../../stegnet/gui/browser/format/seal.js";
import { psnr } from "../../stegnet/gui/browser/picture.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { ideal, random, read, seeded, steps, vectors } from "./vectors.js";

// A passphrase's form does not matter (UAX #15).
const given = ({ key, passphrase }) => (key ? { file: fromHex(key) } : { passphrase: passphrase.normalize("NFD") });
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const secretKey = fromHex(steps.key);

const pictures = vectors.filter(({ file }) => file.endsWith(".png"));
for (const vector of pictures) {
  test(`${vector.file} is ${vector.answer}`, async () => {
    const container = await readPng(read(`vectors/${vector.file}`));
    const engine = ideal(vector.base ?? NONE, vector.period);
    if (vector.answer === "nothing") {
      await assert.rejects(reveal(engine, container, given(vector)), { message: /nothing here opens/ });
      return;
    }
    const { secret, file, whole } = await reveal(engine, container, given(vector));
    assert.equal(whole, vector.answer === "whole");
    assert.deepEqual([digest(secret?.data ?? file.bytes)], vector.shown);
  });
}

/** Smooth waves, of this length in pixels. */
function waves(width, height, length) {
  const value = (_, at) => {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    return 128 + 100 * Math.sin((x + 40 * (at % 3)) / length) * Math.cos(y / length);
  };
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, value) };
}

for (const [kind, period, least] of [
  [NONE, 0, 20],
  [NONE, 16, 20],
  [MEANS, 0, 28],
  [CODED, 0, 38],
  [CODED, 16, 38],
]) {
  test(`a container with the base ${kind} and the period ${period} is revealed`, async () => {
    const [cover, secret] = [waves(107, 93, 30), waves(60, 71, 10)];
    const passphrases = kind === NONE && !period ? [{ passphrase: "x" }] : []; // which takes longer than all else
    for (const keyInput of [...passphrases, { file: secretKey }]) {
      const before = cover.data.slice();
      const { container } = await hide(ideal(kind, period), cover, secret, keyInput);
      assert.deepEqual(cover.data, before);
      const back = await reveal(ideal(kind, period), container, keyInput);
      assert.equal(back.whole, true);
      assert.ok(psnr(back.secret, secret) > least, `${psnr(back.secret, secret)} dB`);
    }
  });
}

test("the quality of a base is lowered until it fits", async () => {
  const noise = { width: 64, height: 64, data: seeded(1)(3 * 64 * 64) };
  const engine = ideal(CODED);
  engine.pair.quality = 100;
  const { container } = await hide(engine, waves(64, 64, 50), noise, { file: secretKey });
  assert.equal((await reveal(engine, container, { file: secretKey })).whole, true);
});

test("two containers of the same pictures have nothing in common", async () => {
  const [cover, secret] = [waves(64, 64, 50), waves(64, 64, 20)];
  const [one, other] = await Promise.all([1, 2].map(() => hide(ideal(NONE), cover, secret, { file: secretKey })));
  assert.notDeepEqual(one.container.data, other.container.data);
});

test("a cover that is too small is refused", async () => {
  const small = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3) };
  const thin = { width: 4000, height: 7, data: new Uint8Array(4000 * 7 * 3) };
  for (const cover of [small, thin]) {
    cover.data[0] = 1; // in colour
    await assert.rejects(hide(ideal(CODED), cover, small, { passphrase: "x" }), { message: /too small/ });
  }
});

/** A container with a record of these fields. */
async function sealed(...fields) {
  const container = waves(64, 64, 50);
  const costsOf = () => roundingCosts(container.data, new Int8Array(container.data.length), random);
  await seal(container, join(...fields), await keySource({ file: secretKey }).newKeys(random), { costsOf, random });
  return container;
}

const NAME = new TextEncoder().encode("Käse.txt");
const bytes = seeded(3)(20);
/** A record of several, or a film's; `filmSecret` is that of a key file. */
const several = (kind, frames, fields, filmSecret = new Uint8Array(16)) => [
  ...[[kind], filmSecret, fromHex(steps.film_id), u32(frames), u32(0)],
  ...fields,
];
const part = (name, { size = bytes.length, offset = 0 } = {}) => [
  ...[u64(size), fromHex(digest(bytes)), sized(name), u64(offset)],
  bytes,
];

for (const [what, fields] of [
  [
    "single frame of a film that hides another film",
    several(2, 9, [new Uint8Array(63), u32(32), u32(27)]), // its pixel aspect ratio
  ],
  ["one of several pictures", several(6, 9, part(NAME))],
]) {
  test(`what is ${what} is distinguished from a picture`, async () => {
    const container = await sealed(...fields);
    await assert.rejects(reveal(ideal(NONE), container, { file: secretKey }), { message: new RegExp(what) });
  });
}

for (const [album, { key }] of Object.entries(JSON.parse(read("album_vectors/answers.json")))) {
  test(`a picture of the album ${album} is told from one that holds a whole file`, async () => {
    const keyInput = album === "passphrase" ? { passphrase: key } : { file: fromHex(key) };
    const container = await readPng(read(`album_vectors/${album}/0.png`));
    await assert.rejects(reveal(ideal(NONE), container, keyInput), { message: /one of several pictures/ });
  });
}

const whole = (name) => [[3, name.length], name, bytes];

test("a whole file is revealed by its record alone", async () => {
  const { file } = await reveal(ideal(NONE), await sealed(...whole(NAME)), { file: secretKey });
  assert.deepEqual([file.name, file.bytes], ["Käse.txt", bytes]);
});

for (const [fault, fields] of [
  ["offset", several(6, 2, part(NAME, { offset: 1 }))],
  ["film secret", several(6, 2, part(NAME), new Uint8Array(16).fill(1))],
  ["empty name", whole(new Uint8Array())],
  ["name of a folder", whole(new TextEncoder().encode("a/b"))],
  ["name that is not UTF-8", whole(Uint8Array.from([0xff]))],
]) {
  test(`a hidden file with a wrong ${fault} is refused`, async () => {
    const container = await sealed(...fields);
    await assert.rejects(reveal(ideal(NONE), container, { file: secretKey }), { message: /nothing here opens/ });
  });
}

test("other weights are refused by name", async () => {
  const container = await readPng(read("vectors/good.png"));
  const other = { ...ideal(NONE), pair: { ...ideal(NONE).pair, weights: "ab".repeat(32) } };
  await assert.rejects(reveal(other, container, given(vectors[0])), { message: /weights 5e5e5e5e5e5e5e5e/ });
});

test("other files and truncated PNG files are refused", async () => {
  const file = read("vectors/good.png");
  await assert.rejects(readPng(new Uint8Array(100)), /not a PNG/);
  await assert.rejects(readPng(file.subarray(0, 40)), /damaged/);
  await assert.rejects(readPng(file.subarray(0, file.length / 2)), /damaged/);
});
