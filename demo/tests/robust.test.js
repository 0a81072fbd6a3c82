/** Each step on the way into a robust container is that of tests/format/robust_steps.json. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { Code, Coding, exactFlip, flipped } from "../src/format/fec.js";
import {
  asFile,
  fileBytes,
  fileContent,
  fromBare,
  parseContent,
  pictureContent,
  scaledSide,
  toBare,
} from "../src/format/content.js";
import { fromHex, packed, toHex, unpacked } from "../src/format/bytes.js";
import { areasOf, canonicalSizes, saltsOfCopies } from "../src/format/grid.js";
import { keySource } from "../src/format/keys.js";
import { gridOf, regionMeans, saltsOf, textureOf } from "../src/format/regions.js";
import { codedBits, contentCapacity, ditherOf, headerOf, placesOf, readBits } from "../src/format/robust_record.js";
import { psnr } from "../src/picture.js";
import { avif, picture, robustSteps as steps, seeded } from "./vectors.js";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** SHA-256 of numbers as 32 bits, little-endian. */
const digestOf = (numbers) => {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  for (const [at, number] of numbers.entries()) view.setUint32(4 * at, number, true);
  return digest(new Uint8Array(view.buffer));
};

/** The first bits of SHA-256 of 0, 1, 2, …, each in four bytes. */
function message(bits) {
  const hashes = Array.from({ length: Math.ceil(bits / 256) }, (_, number) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, number);
    return createHash("sha256").update(bytes).digest();
  });
  return unpacked(Buffer.concat(hashes)).subarray(0, bits);
}

/** Bits in bytes, the last one filled with zeros. */
const inBytes = (bits) => packed(Uint8Array.from({ length: 8 * Math.ceil(bits.length / 8) }, (_, at) => bits[at] ?? 0));

for (const { n, k, rate, codeword } of steps.codes) {
  test(`the code of ${n} bits, ${k} of them message bits`, async () => {
    const code = new Code(n, k, rate);
    const word = await code.encode(message(k));
    assert.equal(digest(inBytes(word)), codeword);
    const sure = Float32Array.from(word, (bit) => 6 * bit - 3);
    assert.deepEqual(await code.decode(sure), message(k));
  });
}

/** Log-likelihood ratios of bits after white Gaussian noise of this deviation. */
function received(bits, deviation, random) {
  const uniform = () => (random(1)[0] + 256 * random(1)[0] + 0.5) / 65536;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from(bits, (bit) => (2 * (2 * bit - 1 + deviation * normal())) / deviation ** 2);
}

for (const { places, rate, room, coded } of steps.codings) {
  test(`the coding of ${places} places at the rate ${rate}`, async () => {
    const coding = new Coding(places, rate);
    assert.equal(coding.capacity, room);
    const bits = await coding.encode(message(room));
    assert.equal(digest(inBytes(bits)), coded);
    assert.deepEqual(
      await coding.decode(bits.length < 2000 ? received(bits, 0.5, seeded(5)) : sureOf(bits)),
      message(room),
    );
  });
}

const sureOf = (bits) => Float32Array.from(bits, (bit) => 6 * bit - 3);

test("a code corrects noise below the channel’s capacity, and more noise gives nothing", async () => {
  const coding = new Coding(20_000, 32); // half: the capacity of a deviation of 0.979
  const bits = await coding.encode(message(coding.capacity));
  assert.deepEqual(await coding.decode(received(bits, 0.87, seeded(7))), message(coding.capacity));
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

const [cover, { container }] = [picture(steps.picture), steps];
const [grid, point] = [gridOf(cover), { name: "", ...steps.rung }];
const salts = container.salts.map(fromHex);
const key = await keySource({ file: fromHex(steps.key) }).robustKey(salts[0]);
/** A place in an operating point's planes, as the format numbers it. */
const numberOf = (place) => (place % (grid.rows * grid.cols)) * point.bits + Math.floor(place / (grid.rows * grid.cols));

test("salts", async () => {
  const found = regionMeans(cover);
  assert.deepEqual(
    found.map((mean) => mean.toFixed(6)),
    container.means.map((mean) => mean.toFixed(6)),
  );
  assert.deepEqual((await saltsOf(cover)).map(toHex), container.salts);
});

test("keys of robust containers", async () => {
  assert.equal(toHex(await key.dither()), container.dither_key);
  assert.equal(toHex(await key.record(new Uint8Array(8))), container.record_key);
  const byPassphrase = await keySource({ passphrase: steps.passphrase }).robustKey(salts[0]);
  assert.equal(toHex(await byPassphrase.dither()), container.dither_key_by_passphrase);
});

test("dither and places", async () => {
  const blocks = grid.rows * grid.cols;
  const dither = await ditherOf(grid, key);
  const words = Array.from(dither, (_, at) => 65536 * dither[(at % 64) * blocks + Math.floor(at / 64)]);
  assert.equal(digestOf(words), container.dither);
  const places = await placesOf(blocks, point, key);
  assert.equal(digestOf([...places.header].map(numberOf)), container.header_places);
});

test("the bits of a container", async () => {
  const content = fromHex(container.content);
  const { bits } = await codedBits(grid, point, steps, content, key, fromHex(steps.nonce));
  const read = await readBits(received(bits, 0.5, seeded(3)), grid, point, key);
  assert.deepEqual(read.subarray(0, content.length), content);
  assert.ok(read.subarray(content.length).every((byte) => byte === 0));
  assert.equal(await readBits(received(bits, 4, seeded(3)), grid, point, key), null);
  const other = await keySource({ file: new Uint8Array(32) }).robustKey(salts[0]);
  assert.equal(await readBits(received(bits, 0.5, seeded(3)), grid, point, other), null);
});

const { rows, cols, each: shares } = container.shares;
const rough = picture(container.textured.picture);
const asTheyCome = shares.map((each, share) => ({ ...each, share, how: "", texture: null }));
const byTexture = container.textured.each.map((each, share) => ({ ...each, share, how: ", by texture", texture: textureOf(rough) }));

test("texture", () => assert.deepEqual([...textureOf(rough)], container.textured.texture));

for (const { share, how, texture, record_places, used_blocks, room, bits: carried } of [...asTheyCome, ...byTexture]) {
  test(`the bits of a container that uses share ${share} of its blocks${how}`, async () => {
    const [blocks, header] = [rows * cols, headerOf(steps.rate, share, fromHex(steps.nonce))];
    const numberOf = (place) => (place % blocks) * point.bits + Math.floor(place / blocks);
    const places = await placesOf(blocks, point, key, texture);
    assert.equal(digestOf([...places.record(share, header)].map(numberOf)), record_places);
    assert.equal(contentCapacity(blocks, point, steps.rate, share), room);

    const [content, nonce] = [fromHex(container.content), fromHex(steps.nonce)];
    const coded = await codedBits({ rows, cols }, point, { rate: steps.rate, share }, content, key, nonce, texture);
    const used = Uint8Array.from({ length: blocks }, (_, block) => Number(!coded.unused.includes(block)));
    assert.equal(digest(inBytes(used)), used_blocks);
    const numbered = new Uint8Array(coded.bits.length);
    for (const [place, bit] of coded.bits.entries()) numbered[numberOf(place)] = bit;
    assert.equal(digest(inBytes(numbered)), carried);

    const ratios = received(coded.bits, 0.5, seeded(3));
    const read = await readBits(ratios, { rows, cols }, point, key, undefined, texture);
    assert.equal(read.length, room);
    assert.deepEqual(read.subarray(0, content.length), content);
  });
}

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
  assert.deepEqual([...areasOf(copy, size)], areas.map(picture));
});

test("a file as content", async () => {
  const { name, data, content } = steps.contents.file;
  assert.equal(toHex(fileContent(name, fromHex(data))), content);
  assert.equal(fileBytes(name, 3), content.length / 2);
  const padded = Uint8Array.from([...fromHex(content), 0, 0]);
  assert.deepEqual(await parseContent(padded, avif, 1), { file: { name, bytes: fromHex(data) } });
});

for (const depth of [8, 10]) {
  test(`a picture of ${depth} bits as content`, async () => {
    const { content, revealed, avif: file } = steps.contents[`picture of ${depth} bits`];
    const { secret } = await parseContent(fromHex(content), avif, 1000);
    assert.ok(psnr(secret, picture(revealed)) > 45, `${psnr(secret, picture(revealed))} dB`);
    assert.equal(toHex(asFile(new TextEncoder().encode("AV1"), 7, 5, depth)), file);
  });
}

for (const [fault, place, value] of [
  ["kind", 0, 4],
  ["length", 3, 200],
  ["rest", -1, 1],
  ["name", 5, 0x2f],
]) {
  test(`content with a wrong ${fault} is refused`, async () => {
    const bytes = [...fromHex(steps.contents.file.content), 0];
    bytes.splice(place, 1, value);
    await assert.rejects(parseContent(Uint8Array.from(bytes), avif, 1), RangeError);
  });
}

test("an AVIF file without its boxes, and with them again", async () => {
  const bare = toBare(await avif.encode(cover, 60));
  const found = await fromBare(bare, cover.width, cover.height, avif);
  assert.ok(psnr(found, cover) > 33, `${psnr(found, cover)} dB`);
  await assert.rejects(fromBare(bare, cover.width, cover.height + 9, avif), RangeError);
  const [width, height] = [cover.width, cover.height].map((side) => scaledSide(side, 4));
  assert.deepEqual([width, height], [42, 31]);
  const { secret } = await parseContent(pictureContent(cover, 0, bare), avif, 1000);
  assert.deepEqual(secret, found);
});
