/** Steps on the way into a robust container; that they are the format's is asked by robust_vectors.test.js. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Coding, exactFlip, flipped } from "../../stegnet/gui/browser/format/fec.js";
import { asFile, fromBare, parseContent, pictureContent, scaledSide, toBare } from "../../stegnet/gui/browser/format/content.js";
import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { makeModem } from "../../stegnet/gui/browser/codec/modem_network.js";
import { areasOf, canonicalSizes, saltsOfCopies } from "../../stegnet/gui/browser/format/grid.js";
import { codedBits } from "../../stegnet/gui/browser/format/robust_record.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { asView, psnr } from "../../stegnet/gui/browser/picture.js";
import { avif, picture, robustSteps as steps, seeded } from "./vectors.js";

/** Log-likelihood ratios of bits after white Gaussian noise of this deviation. */
function received(bits, deviation, random) {
  const uniform = () => (random(1)[0] + 256 * random(1)[0] + 0.5) / 65536;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from(bits, (bit) => (2 * (2 * bit - 1 + deviation * normal())) / deviation ** 2);
}

test("a code corrects noise below the channel’s capacity, and more noise gives nothing", async () => {
  const coding = new Coding(20_000, 32); // half: the capacity of a deviation of 0.979
  const message = seeded(9)(coding.capacity).map((byte) => byte & 1);
  const bits = await coding.encode(message);
  assert.deepEqual(await coding.decode(received(bits, 0.87, seeded(7))), message);
  assert.equal(await coding.decode(received(bits, 1.05, seeded(7))), null);
});

test("the table of φ is fine", () => {
  const values = Float32Array.from({ length: 4000 }, (_, at) => 1e-8 * 1.006 ** at);
  for (const [at, found] of flipped(values.map((value, index) => (index % 2 ? value : -value))).entries()) {
    const exact = exactFlip(values[at]);
    assert.ok(
      Math.abs(found - exact) <= 1e-9 + 2e-3 * Math.max(exact, values[at] * exact),
      `φ(${values[at]}) = ${found}`,
    );
  }
});

test("canonical sizes", () => {
  for (const { copy, canonical } of steps.resized.grids) {
    const [height, width] = copy;
    const found = canonicalSizes({ width, height }).map((size) => [size.height, size.width]);
    assert.deepEqual(found, canonical, copy.join("×"));
  }
});

test("salts, keys and areas of resized copies", async () => {
  const { salts, canonical, areas, ...expected } = steps.resized;
  const copy = picture(expected.picture);
  assert.deepEqual((await saltsOfCopies(copy)).map(toHex), salts);
  const size = { height: canonical[0], width: canonical[1] };
  for (const [given, dither] of [
    [{ file: fromHex(steps.key) }, expected.dither_key],
    [{ passphrase: steps.passphrase }, expected.dither_key_by_passphrase],
  ]) {
    const ours = (await keySource(given).robustKey(fromHex(salts[0]))).atSize(size);
    assert.equal(toHex(await ours.dither()), dither);
  }
  const whole = [...areasOf(copy, size)].map((area) => area.part(0, 0, area.width, area.height));
  assert.deepEqual(whole, areas.map(picture));
});

test("a part of a resized picture is that of the whole", () => {
  const copy = picture(steps.resized.picture);
  for (const [width, height] of [[copy.width, 96], [104, copy.height], [136, 88], [72, 160]]) {
    for (const area of areasOf(copy, { width, height })) {
      const whole = asView(area.part(0, 0, width, height));
      for (const place of [[0, 0, 24, 24], [16, 8, 24, 40], [width - 24, height - 24, 24, 24], [8, height - 1, 1, 1]]) {
        assert.deepEqual(area.part(...place), whole.part(...place), `${width}×${height}: ${place}`);
      }
    }
  }
});

/** A modem of random weights, of ±.03 to .25 times a byte over 127. */
function randomModem(options) {
  const [channels, bits] = [options.width, options.rungs[0].bits];
  const features = 3 * 64 + 2 * bits;
  const weights = [];
  const random = seeded(3);
  const halves = (count) => weights.push(...random(2 * count).map((byte, at) => (at % 2 ? 0x28 + (byte & 0x83) : byte)));
  const matrix = (out, size) => {
    weights.push(...random(2 * out).map((byte, at) => (at % 2 ? 0x0c + (byte & 0x83) : byte))); // scales
    weights.push(...random(out * size));
  };
  const layer = (out, size) => {
    matrix(out, size);
    halves(out);
  };
  for (const [size, out] of [[features + bits, features], [features, bits]]) {
    for (const [to, from] of [[channels, size], [channels, channels], [channels, channels]]) layer(to, from);
    for (let tap = 0; tap < 9; tap++) matrix(channels, channels);
    halves(channels);
    for (const to of [channels, out]) layer(to, channels);
  }
  halves(bits); // likelihoods
  return makeModem(options, Uint8Array.from(weights));
}

const [ROWS, COLS, BITS] = [6, 7, 2];
const levels = (count, seed = 5) => Float32Array.from(seeded(seed)(count), (byte) => byte / 255);
const modem = randomModem({ rungs: [{ bits: BITS, scale: 2 }], width: 4, blocks: 2 });
const seen = [8 * COLS, 8 * ROWS, levels(3 * 64 * COLS * ROWS)];
const dither = levels(64 * COLS * ROWS, 7);

test("the middles of patches are read as the whole is", () => {
  const expected = modem.reveal(...seen, dither).map((ratio, at) => {
    const [row, col] = [Math.floor(at / COLS) % ROWS, at % COLS];
    return row % 3 === 1 && col % 3 === 1 ? ratio : 0;
  });
  assert.deepEqual(modem.reveal(...seen, dither, { patch: 3 }), expected);
  assert.ok(expected.some((ratio) => ratio !== 0));
});

test("a picture that is moved by a block has the ratios moved by a block", () => {
  const [cols, rows, wide] = [COLS, ROWS, 8 * (COLS + 1)];
  const whole = levels(3 * 8 * rows * wide);
  const from = (left) => whole.filter((_, at) => at % wide >= left && at % wide < left + 8 * cols);
  const [here, moved] = [0, 8].map((left) => modem.reveal(8 * cols, 8 * rows, from(left), new Float32Array(64 * cols * rows)));
  for (let at = 0; at < here.length; at++) {
    if (at % cols === 0 || at % cols > cols - 3) continue; // beside an edge of either
    assert.ok(Math.abs(here[at + 1] - moved[at]) < 1e-4, `${here[at + 1]} and ${moved[at]}`);
  }
});

test("blocks that carry a small record are the most textured ones", async () => {
  const grid = { rows: 40, cols: 50, width: 400, height: 320 };
  const texture = Float64Array.from(seeded(2)(2000), (byte) => byte % 2);
  const key = await keySource({ file: new Uint8Array(32) }).robustKey(new Uint8Array(32));
  const { unused } = await codedBits(grid, { bits: 3 }, { rate: 20, share: 12 }, new Uint8Array(1), key, new Uint8Array(32), texture);
  const used = new Set(texture.keys());
  unused.forEach((block) => used.delete(block));
  const textured = [...used].filter((block) => texture[block]).length;
  assert.ok(used.size > 40 && textured > 0.9 * used.size, `${textured} of ${used.size}`);
});

test("blocks without bits stay, and the others change as if all had some", () => {
  const blocks = ROWS * COLS;
  const hidden = new Float32Array((BITS + 64) * blocks).fill(1, 0, BITS * blocks);
  hidden.set(dither, BITS * blocks);
  const whole = modem.hide(...seen, hidden);
  const blockOf = (at) => Math.floor((Math.floor(at / (8 * COLS)) % (8 * ROWS)) / 8) * COLS + Math.floor((at % (8 * COLS)) / 8);
  assert.ok(whole.every((value) => Number.isFinite(value)));
  assert.equal(new Set(Array.from(whole.keys()).filter((at) => whole[at] !== seen[2][at]).map(blockOf)).size, blocks);

  const other = hidden.slice();
  for (let bit = 0; bit < BITS; bit++) other[bit * blocks] = 0; // of the first block
  const found = modem.hide(...seen, other);
  const isFar = (at) => blockOf(at) % COLS > 1 || blockOf(at) > 2 * COLS; // beyond its neighbours, which see its bits
  assert.ok(found.every((value, at) => (blockOf(at) ? !isFar(at) || value === whole[at] : value === seen[2][at])));
});

for (const depth of [8, 10]) {
  test(`a picture of ${depth} bits as content`, async () => {
    const { content, revealed, avif: file } = steps.contents[`picture of ${depth} bits`];
    const { secret } = await parseContent(fromHex(content), avif, 1000);
    assert.ok(psnr(secret, picture(revealed)) > 45, `${psnr(secret, picture(revealed))} dB`);
    assert.equal(toHex(asFile(new TextEncoder().encode("AV1"), 7, 5, depth)), file);
  });
}

test("an AVIF file without its boxes, and with them again", async () => {
  const cover = picture(steps.picture);
  const bare = toBare(await avif.encode(cover, 60));
  const found = await fromBare(bare, cover.width, cover.height, avif);
  assert.ok(psnr(found, cover) > 33, `${psnr(found, cover)} dB`);
  await assert.rejects(fromBare(bare, cover.width, cover.height + 9, avif), RangeError);
  const [width, height] = [cover.width, cover.height].map((side) => scaledSide(side, 4));
  assert.deepEqual([width, height], [42, 31]);
  const { secret } = await parseContent(pictureContent(cover, 0, bare), avif, 1000);
  assert.deepEqual(secret, found);
});
