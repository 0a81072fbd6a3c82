/** Files embedded in pictures are recovered, and the steps are those that they should be. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { embed, fileCapacity, makeEmbedder, prepare, storedName } from "../../stegnet/gui/browser/codec/sealed.js";
import { hide } from "../src/codec/hide.js";
import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { NONE } from "../../stegnet/gui/browser/format/base.js";
import { fromHex } from "../../stegnet/gui/browser/format/bytes.js";
import { textureLevels } from "../../stegnet/gui/browser/format/costs.js";
import { idleSamples, PIXELS } from "../../stegnet/gui/browser/format/sample_order.js";
import { planOf } from "../../stegnet/gui/browser/format/record_zone.js";
import { isGrey } from "../../stegnet/gui/browser/picture.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { ideal, random, seeded, steps } from "./vectors.js";
import { writePng } from "./png.js";

const keyInput = { file: fromHex(steps.key) };

/** Noise, whose strength grows from left to right. */
function noise(width, height, shift) {
  const drawn = seeded(width)(3 * width * height);
  const data = drawn.map((value, at) => ((value >> shift) * ((Math.floor(at / 3) % width) + 1)) / width);
  return { width, height, data };
}

// SHA-256 of the costs, as little-endian u16, that stegnet.sealing.costs.texture_costs gives the same pictures.
for (const [width, height, shift, digest] of [
  [33, 21, 0, "f4d5ba0adabd67b44b294a7754ab18e6ba96437291c24cfdab884288f863a5d3"],
  [5, 4, 2, "ab8ad120387fcbce5535510d7e9fab000ebac4f1ef57a00ce4cf16a6d1a600ee"],
  [64, 48, 3, "dd8760183522544c6412aa22f35655ed6872cdb094878f2e9df4619e26ffd378"],
]) {
  test(`costs of ${width}×${height} pixels are those of the program`, () => {
    const levels = textureLevels(noise(width, height, shift));
    assert.equal(createHash("sha256").update(new Uint8Array(levels.buffer)).digest("hex"), digest);
  });
}

for (const [width, height, share, given, shift = 1] of [
  [64, 48, 0, keyInput],
  [64, 48, 0.6, keyInput, 7], // samples of 0 and 1
  [151, 97, 0.01, keyInput],
  [151, 97, 0.12, { passphrase: "zwei Käse" }],
  [151, 97, 0.6, keyInput],
  [151, 97, 1, keyInput],
]) {
  test(`a file that fills ${share} of ${width}×${height} pixels, shifted by ${shift} bits, is recovered`, async () => {
    const cover = noise(width, height, shift);
    const name = "Käse.txt";
    const bytes = random(Math.floor(share * fileCapacity({ width, height }, name)));
    const before = cover.data.slice();
    const container = await embed(cover, { name, bytes }, given);
    assert.deepEqual(cover.data, before);
    const { file, whole } = await reveal(ideal(NONE), container, given);
    assert.deepEqual(file, { name, bytes });
    assert.equal(whole, true);
    const isInside = (at) => before[at] > 0 && before[at] < 255;
    const far = container.data.filter((value, at) => isInside(at) && Math.abs(value - before[at]) > 1);
    assert.ok(far.length <= 16, `${far.length}: only the MAC's samples, at the ends of their triples, may move by two`);
    assert.ok(container.data.every((value, at) => Math.abs(value - before[at]) <= 2));
  });
}

// No reader notices that a writer became worse. A picture takes more time than a film's frame, and changes less.
for (const [frames, size, expected] of [[1, 100, 501], [1, 2000, 2929], [1, 6000, 12064], [2, 2000, 3173]]) {
  test(`a file of ${size} bytes in ${frames > 1 ? "a film’s frame" : "a picture"} changes ${expected} samples, as ever`, async () => {
    const [width, height, drawn, own] = [160, 120, seeded(1)(3 * 160 * 120), seeded(7)];
    const data = Uint8Array.from(drawn, (byte, at) => 100 + (Math.floor(at / 3) % width) / 4 + byte / 16);
    const [frame, bytes] = [{ width, height, data: data.slice() }, new Uint8Array(size).fill(3)];
    const embedding = await prepare({ name: "a", bytes }, { width, height, frames, channels: 3 }, keyInput, own);
    const squared = await (await makeEmbedder(embedding, keyInput, own))(frame, 0, bytes);
    const changed = frame.data.filter((value, at) => value !== data[at]).length;
    assert.deepEqual([changed, squared], [expected, expected]);
  });
}

test("a small record moves red, green and blue together, and samples that carry nothing as often", async () => {
  const cover = noise(256, 192, 1);
  const container = await embed(cover, { name: "x", bytes: random(4000) }, keyInput);
  const moved = container.data.map((value, at) => value !== cover.data[at]);
  const pixels = Array.from({ length: 256 * 192 }, (_, pixel) => moved.subarray(3 * pixel, 3 * pixel + 3).join(""));
  const count = (pattern) => pixels.filter((pixel) => pixel === pattern).length;
  assert.ok(count("111") > 0.9 * pixels.filter((pixel) => pixel !== "000").length);
  const salts = idleSamples(moved.length).subarray(0, Math.floor(moved.length / 31));
  const own = salts.reduce((sum, sample) => sum + moved[sample], 0) / salts.length;
  const all = count("111") / pixels.length;
  assert.ok(Math.abs(own - all) < 5 * Math.sqrt(all / salts.length), `${own} of the salt's, ${all} of all`);
});

for (const share of [0, 0.1, 1]) {
  test(`a grey cover that is filled to ${share} stays grey`, async () => {
    const colours = noise(151, 97, 1);
    const cover = { ...colours, data: colours.data.map((_, at) => colours.data[at - (at % 3)]) };
    const name = "note.txt";
    const bytes = random(Math.floor(share * fileCapacity({ width: 151, height: 97, channels: 1 }, name)));
    const container = await embed(cover, { name, bytes }, keyInput);
    assert.ok(isGrey(container));
    assert.notDeepEqual(container.data, cover.data);
    const file = writePng(container);
    assert.deepEqual(await readPng(file), container);
    assert.deepEqual(await reveal(ideal(NONE), container, keyInput), { file: { name, bytes }, whole: true, robust: false });
    const salts = idleSamples(151 * 97).subarray(0, Math.floor((151 * 97) / 31));
    const moved = (pixel) => container.data[3 * pixel] !== cover.data[3 * pixel];
    const [own, all] = [salts, new Uint32Array(151 * 97).map((_, pixel) => pixel)].map(
      (pixels) => pixels.filter(moved).length / pixels.length,
    );
    assert.ok(Math.abs(own - all) < 5 * Math.sqrt(all / salts.length), `${own} of the salt's, ${all} of all`);
  });
}

test("a grey cover that is too small says so, and the network refuses any", async () => {
  const cover = { width: 64, height: 48, data: new Uint8Array(3 * 64 * 48).fill(9) };
  const error = await embed(cover, { name: "x", bytes: new Uint8Array(1000) }, keyInput).catch((thrown) => thrown);
  assert.match(error.message, /^x has 1,000 bytes, more than the capacity of \d\d\d\.$/);
  assert.match(error.hint, /A colour cover holds three times as much\.$/);
  await assert.rejects(hide(ideal(NONE), cover, noise(8, 8, 1), keyInput), { message: /^The cover is grey/ });
});

test("a file that does not fit is refused, with the size of a cover that would do", async () => {
  const cover = noise(64, 48, 1);
  const bytes = new Uint8Array(5000);
  const error = await embed(cover, { name: "large.bin", bytes }, keyInput).catch((thrown) => thrown);
  assert.match(error.message, /^large\.bin has 5,000 bytes, more than the capacity of 1,\d\d\d\.$/);
  const [width, height] = error.hint.match(/\d+ × \d+/)[0].split(" × ").map(Number);
  assert.ok(fileCapacity({ width, height }, "large.bin") >= 5000 && fileCapacity({ width: width - 4, height: height - 4 }, "large.bin") < 5000);
  const nothing = { name: "x", bytes: new Uint8Array() };
  await assert.rejects(embed(noise(9, 9, 1), nothing, keyInput), { message: /more than the capacity of 0/ });
});

test("long names are cut, their suffix kept", () => {
  assert.equal(storedName("a.txt"), "a.txt");
  const cut = storedName(`${"ä".repeat(200)}.jpeg`);
  assert.equal(cut, `${"ä".repeat(125)}.jpeg`);
});

test("the plan is that of the program", () => {
  for (const [size, samples, effort, trits, height, grey, places, clustered] of [
    [200, 9216, 536870912, 1020, 6, true, 2588, true],
    [3000, 147456, 536870912, 15168, 6, true, 42410, true],
    [20000, 147456, 536870912, 101064, 6, false, 136320, false],
    [3000, 691200, 16777216, 15168, 3, true, 198413, true],
    [40000, 691200, 16777216, 202116, 2, false, 637760, false],
    [2000000, 36578304, 536870912, 10105272, 2, false, 35361472, false],
  ]) {
    const channels = 3;
    const plan = { trits, height, grey, places, clustered, channels, medium: PIXELS };
    assert.deepEqual(planOf(size, samples, effort, true), plan);
  }
  const ofGrey = { trits: 1020, height: 6, grey: true, places: 8320, clustered: true, channels: 1, medium: PIXELS };
  assert.deepEqual(planOf(200, 9216, 536870912, true, 1), ofGrey);
});
