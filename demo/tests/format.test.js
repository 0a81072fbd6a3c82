/** Steps on the way into a container; that they are the format's is asked by the vectors (containers.test.js). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeBase, MEANS } from "../../stegnet/gui/browser/format/base.js";
import { fromHex } from "../../stegnet/gui/browser/format/bytes.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { laneTrits, MAX_HEIGHT, stepSearch } from "../../stegnet/gui/browser/format/trellis.js";
import { capacity } from "../../stegnet/gui/browser/format/seal.js";
import { resize, unresize } from "../../stegnet/gui/browser/resize.js";
import { blank } from "../../stegnet/gui/browser/picture.js";
import { avif, picture, random, seeded, steps } from "./vectors.js";

test("invalid keys are refused", () => {
  assert.throws(() => keySource({ file: new Uint8Array(31) }), /not a key file/);
  assert.throws(() => keySource({ passphrase: "" }), /no passphrase/);
  assert.throws(() => keySource({ passphrase: "x".repeat(1025) }), /can't be used/);
  assert.throws(() => keySource({ passphrase: "\ud800" }), /can't be used/);
});

test("means of another size, truncated or not a zlib stream are refused", async () => {
  const { width, height } = steps.means.means;
  const field = fromHex(steps.means.field);
  for (const [bytes, cols] of [
    [field, width + 1],
    [field, width - 1],
    [field.subarray(0, -1), width],
    [Uint8Array.from([field[0], 0, ...field.subarray(1)]), width],
    [Uint8Array.from([128, ...field.subarray(1)]), width],
  ]) {
    await assert.rejects(decodeBase(MEANS, bytes, 8 * cols, 8 * height, avif), RangeError);
  }
});

for (let height = 1; height <= MAX_HEIGHT; height++) {
  test(`the steps of height ${height} are the cheapest`, () => {
    const draw = seeded(height);
    const rows = Uint8Array.from([2, 1, 2, 1]);
    const search = stepSearch(height);
    for (let round = 0; round < 20; round++) {
      const [wanted, values] = [draw(4).map((byte) => byte % 3), draw(6).map((byte) => byte % 3)];
      const [up, down] = [Float32Array.from(draw(6)), Float32Array.from(draw(6))];
      const steps = search(wanted, values, rows, up, down);
      const cost = (some) => some.reduce((sum, step, at) => sum + (step > 0 ? up[at] : step < 0 ? down[at] : 0), 0);
      const cheapest = every(6)
        .filter((some) => fits(some, wanted, values, rows, height))
        .reduce((least, some) => Math.min(least, cost(some)), Infinity);
      assert.ok(fits(steps, wanted, values, rows, height));
      assert.equal(cost(steps), cheapest);
    }
  });
}

const every = (count) => (count ? every(count - 1).flatMap((some) => [-1, 0, 1].map((step) => [...some, step])) : [[]]);

const fits = (some, wanted, values, rows, height) =>
  laneTrits(
    values.map((value, at) => (value + 3 + some[at]) % 3),
    rows,
    height,
  ).every((trit, row) => trit === wanted[row]);

test("capacity", () => {
  assert.ok(capacity(15, 15) < 0);
  assert.equal(capacity(48, 40), largest(5536 - 576));
  assert.equal(capacity(256, 256), largest(190_240 - 15 * 576));
});

/** Bytes of a record in a zone, by the specification. */
const largest = (zone) => Math.floor((19 * Math.floor((zone - Math.max(1, Math.floor(zone / 128))) / 12)) / 8) - 16;

test("what was enlarged is recovered, also along one side", () => {
  const small = blank(60, 28);
  for (let i = 0; i < small.data.length; i++) small.data[i] = 128 + 50 * Math.sin(i / 2.5) + 50 * Math.cos(i / 540);
  for (const [width, height] of [[61, 31], [80, 37], [180, 28], [60, 70]]) {
    const large = resize(small, width, height);
    const mean = (other) => small.data.reduce((sum, value, i) => sum + Math.abs(value - other.data[i]), 0) / small.data.length;
    const [found, softer] = [unresize(large, 60, 28, 0.5), resize(large, 60, 28)].map(mean);
    assert.ok(found < 0.5 && found < softer / 2, `${found} levels, ${softer} by Lanczos`);
  }
  assert.deepEqual(unresize(small, 70, 28, 0.5), resize(small, 70, 28));
});

for (const [index, { from, to }] of steps.resized.entries()) {
  test(`resized ${index}`, () => {
    assert.deepEqual(resize(picture(from), to.width, to.height), picture(to));
  });
}
