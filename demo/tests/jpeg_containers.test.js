/** JPEG containers: the test vectors are revealed, and what is hidden here is recovered. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { hideInJpeg, isTooFine, makeJpegCapacity, revealFromJpeg } from "../../stegnet/gui/browser/codec/jpeg.js";
import { fromHex } from "../../stegnet/gui/browser/format/bytes.js";
import { optimalTable, readJpeg, withPlanes } from "../../stegnet/gui/browser/jpeg/coefficients.js";
import { encodeJpeg, toYcc } from "../../stegnet/gui/browser/jpeg/libjpeg.js";
import { withMetadata } from "../../stegnet/gui/browser/jpeg/markers.js";
import { roundingDirections, roundingErrors } from "../../stegnet/gui/browser/jpeg/jpeg_cover.js";
import { shownLuma } from "../../stegnet/gui/browser/jpeg/blocks.js";
import { read, seeded, steps } from "./vectors.js";

const ANSWERS = JSON.parse(read("jpeg_vectors/answers.json"));
const KEY = { file: fromHex(steps.key) };
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const vector = (name) => new Uint8Array(read(`jpeg_vectors/${name}`));
const NOTE = { name: "note.txt", bytes: seeded(1)(40) };

for (const [name, answer] of Object.entries(ANSWERS)) {
  test(`${name} is ${answer === "altered" ? answer : "whole"}`, async () => {
    const { file, whole } = await revealFromJpeg(vector(name), KEY);
    assert.equal(file.name, "note.txt");
    assert.equal(whole, answer !== "altered");
    if (whole) assert.equal(digest(file.bytes), answer);
  });

  test(`${name} is written again byte for byte`, () => {
    const jpeg = readJpeg(vector(name));
    assert.deepEqual(withPlanes(jpeg, jpeg.planes), vector(name));
  });
}

test("another key opens nothing, nor does a file that is no JPEG", async () => {
  assert.equal(await revealFromJpeg(vector("half.jpg"), { file: new Uint8Array(32) }), null);
  assert.equal(await revealFromJpeg(vector("half.jpg").subarray(0, 900), KEY), null);
  assert.equal(await revealFromJpeg(new Uint8Array(read("vectors/good.png")), KEY), null);
  assert.equal(await revealFromJpeg(new Uint8Array(), KEY), null);
});

/** Waves with noise, of 93×77 pixels. */
function waves() {
  const [width, height, noise] = [93, 77, seeded(3)(3 * 93 * 77)];
  const data = noise.map((value, at) => {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    return 110 + 60 * Math.sin(x / 7 + (at % 3)) * Math.cos(y / 9) + (value >> 3);
  });
  return { width, height, data };
}

test("what fits does, and a byte more does not", async () => {
  const jpeg = readJpeg(encodeJpeg(waves(), 90));
  const most = makeJpegCapacity(jpeg)(NOTE.name);
  const container = await hideInJpeg(jpeg, { ...NOTE, bytes: seeded(2)(most) }, KEY);
  assert.equal((await revealFromJpeg(container, KEY)).file.bytes.length, most);
  const error = { message: new RegExp(`more than the capacity of ${most.toLocaleString("en")}`), hint: /PNG file/ };
  await assert.rejects(hideInJpeg(jpeg, { ...NOTE, bytes: seeded(2)(most + 1) }, KEY), error);
});

/** The numbers of luma's blocks in which levels differ. */
function movedBlocks(cover, container) {
  const [before, after] = [cover, container].map((bytes) => readJpeg(bytes).planes[0]);
  const moved = new Set();
  before.forEach((level, at) => level !== after[at] && moved.add(Math.floor(at / 64)));
  return [...moved];
}

for (const fullChroma of [false, true]) {
  test(`blocks that stick out over the edge stay${fullChroma ? ", 4:4:4" : ""}`, async () => {
    const cover = encodeJpeg(waves(), 90, fullChroma);
    const bytes = seeded(2)(makeJpegCapacity(readJpeg(cover))(NOTE.name));
    const container = await hideInJpeg(readJpeg(cover), { ...NOTE, bytes }, KEY);
    const moved = movedBlocks(cover, container);
    assert.ok(moved.length > 80);
    assert.ok(moved.every((number) => number % 12 < 11 && number < 12 * 9)); // of 12×10 blocks, those that are whole
  });
}

test("a fill of MCUs that is not libjpeg's stays, and so do the blocks beside it", async () => {
  const { width, height, data } = waves();
  const at = (place) => width * (Math.floor(place / 136) % height) + (place % 136 % width);
  const tiled = Uint8Array.from({ length: 3 * 136 * 120 }, (_, byte) => data[3 * at(Math.floor(byte / 3)) + (byte % 3)]);
  const jpeg = readJpeg(encodeJpeg({ width: 136, height: 120, data: tiled }, 90));
  const [scan] = jpeg.file.scans;
  assert.equal(scan.fill, null);
  scan.fill = Array.from({ length: 18 * 16 - 17 * 15 }, (_, at) => Int16Array.from({ length: 64 }, (_, place) => +(place === at)));
  const cover = withPlanes(jpeg, jpeg.planes);
  const container = await hideInJpeg(readJpeg(cover), NOTE, KEY);
  assert.deepEqual(readJpeg(container).file.scans[0].fill, scan.fill);
  const moved = movedBlocks(cover, container);
  assert.ok(moved.length > 100 && moved.every((number) => number % 17 < 16 && number < 17 * 14));
  assert.deepEqual((await revealFromJpeg(container, KEY)).file.name, NOTE.name);
});

test("a JPEG in which too little may change holds nothing", () => {
  const smooth = { width: 63, height: 63, data: new Uint8Array(3 * 63 * 63).fill(128) };
  assert.ok(makeJpegCapacity(readJpeg(encodeJpeg(smooth, 95)))("a") < 0);
});

test("steps towards what rounding took are preferred", async () => {
  const [picture, finest] = [waves(), readJpeg(encodeJpeg(waves(), 100))];
  const jpeg = readJpeg(encodeJpeg(picture, 95));
  assert.deepEqual([isTooFine(finest), isTooFine(jpeg)], [true, false]);
  const expected = makeJpegCapacity(jpeg)("a");
  assert.ok(Math.abs(makeJpegCapacity(finest)("a") - expected) < 0.1 * expected);
  const errors = roundingErrors(toYcc(picture)[0], jpeg);
  const directions = roundingDirections(shownLuma(jpeg), jpeg);
  for (const [options, wanted, ratio] of [[{ errors }, errors, 3], [{}, directions, 1.5]]) {
    const container = readJpeg(await hideInJpeg(jpeg, NOTE, KEY, options));
    let [towards, away] = [0, 0];
    container.planes[0].forEach((level, at) => {
      const step = level - jpeg.planes[0][at];
      if (step) step * wanted[at] > 0 ? towards++ : away++;
    });
    assert.ok(towards > ratio * away, `${towards} and ${away}`);
  }
});

test("a JPEG whose coded data break off is refused", () => {
  for (const name of Object.keys(ANSWERS)) {
    const whole = vector(name);
    for (const lost of [20, 100]) {
      const bytes = Uint8Array.from([...whole.subarray(0, -2 - lost), 0xff, 0xd9]);
      assert.throws(() => readJpeg(bytes), `${name} without ${lost} bytes`);
    }
  }
});

/** EXIF whose first directory has an orientation, in either byte order, and a link to a thumbnail. */
function exifOf(orientation, little) {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  [1, 0x112, 3].forEach((value, at) => view.setUint16(8 + 2 * at, value, little));
  view.setUint32(14, 1, little);
  view.setUint16(18, orientation, little);
  view.setUint32(22, 99, little);
  return segmentOf(0xe1, "Exif\0\0", new Uint8Array(view.buffer));
}

function segmentOf(marker, name, content) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  return Buffer.concat([Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 0xff]), body]);
}

test("a JPEG that is saved first keeps EXIF, upright, and the colour profile", () => {
  const [plain, rest] = [encodeJpeg(waves(), 100), seeded(4)(50)];
  const profile = [1, 2].map((part) => segmentOf(0xe2, `ICC_PROFILE\0${String.fromCharCode(part)}\x02`, rest));
  const others = [segmentOf(0xe1, "http://ns.adobe.com/xap/1.0/\0", rest), segmentOf(0xe2, "MPF\0", rest), segmentOf(0xfe, "", rest)];
  const made = encodeJpeg(waves(), 95);
  const kept = (segments, hasProfile = true) => {
    const cover = Uint8Array.from(Buffer.concat([plain.subarray(0, 20), ...segments, plain.subarray(20)]));
    const bytes = withMetadata(made, readJpeg(cover).file, hasProfile);
    assert.deepEqual([bytes.subarray(0, 20), bytes.subarray(20 - made.length)], [made.subarray(0, 20), made.subarray(20)]);
    return Buffer.from(bytes.subarray(20, 20 + bytes.length - made.length));
  };
  for (const little of [false, true]) {
    const [turned, upright] = [exifOf(6, little), exifOf(1, little)];
    const unlinked = Buffer.from(upright).fill(0, 10 + 22, 10 + 26);
    assert.deepEqual(kept([turned, ...others, ...profile, upright]), Buffer.concat([unlinked, ...profile]));
    assert.deepEqual(kept([upright, ...profile], false), upright);
    for (let cut = 10; cut < upright.length - 6; cut++) {
      assert.equal(kept([segmentOf(0xe1, "", turned.subarray(4, cut))]).length, 0);
    }
  }
  assert.equal(kept([]).length, 0);
});

/** A JPEG whose frame has this byte at this place behind its marker. */
function withFrame(place, byte) {
  const bytes = vector("full.jpg");
  const at = bytes.findIndex((value, index) => value === 0xff && bytes[index + 1] === 0xc0);
  bytes[at + place] = byte;
  return bytes;
}

for (const [what, bytes, message] of [
  ["lossless", withFrame(1, 0xc3), /is lossless/],
  ["arithmetically coded", withFrame(1, 0xc9), /is arithmetically coded/],
  ["of 12 bits", withFrame(4, 12), /has 12 bits a sample/],
  ["CMYK", withFrame(9, 4), /is CMYK/],
]) {
  test(`a JPEG that is ${what} is refused, with a way out`, () => {
    assert.throws(() => readJpeg(bytes), { message, hint: /choose a PNG file/i });
  });
}

test("damaged JPEGs are refused", () => {
  const bytes = vector("full.jpg");
  for (let size = 0; size < bytes.length; size += 97) {
    assert.throws(() => readJpeg(bytes.subarray(0, size)), { message: /damaged or cut off/ });
  }
});

test("optimal tables have no code of more than 16 bits, nor of ones alone", () => {
  const table = optimalTable(Uint32Array.from({ length: 256 }, (_, at) => (at < 30 ? 2 ** at : 0)));
  const numbers = table.subarray(0, 16);
  assert.equal(table.length, 16 + 30);
  const used = numbers.reduce((sum, count, at) => sum + count * 2 ** (15 - at), 0);
  assert.ok(used < 2 ** 16);
});
