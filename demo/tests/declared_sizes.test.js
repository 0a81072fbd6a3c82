/** Pictures whose declared sides are other ones, or far too large, are refused before they are decoded. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { avif } from "./vectors.js";
import { requirePicture, pictureData } from "../src/format/av1_header.js";
import { decodeBase, CODED } from "../src/format/base.js";
import { fromHex, join } from "../src/format/bytes.js";
import { asFile, fromBare, parseContent } from "../src/format/content.js";
import { decodeNearLossless } from "../src/format/near_lossless.js";
import { decodePredicted } from "../src/format/predicted.js";
import { checkRatio } from "../src/format/record.js";
import { PREDICTED, RECORD } from "../src/constants.js";

// As libaom writes them: sequence headers, and a frame that is none.
const header = fromHex("0a09381dffffd8404341a4"); // of 256×256 pixels
const large = fromHex("0a0a3ff33ffffffe1010d069"); // of 8192×8192
const frame = fromHex("320412345678");

test("AV1 data must declare the size itself", async () => {
  requirePicture(join(header, frame), 256, 256);
  const strange = [join(large, frame), join(header, large, frame), join(header, frame, frame), frame, header, fromHex("0affffffffffffffffff")];
  for (const data of strange) {
    assert.throws(() => requirePicture(data, 256, 256), RangeError);
    await assert.rejects(fromBare(data, 256, 256, avif), RangeError);
    await assert.rejects(decodeBase(CODED, join([40], asFile(data, 256, 256, 8)), 256, 256, avif), RangeError);
  }
});

test("an AVIF file must be one picture", () => {
  const file = asFile(join(header, frame), 256, 256, 8);
  assert.deepEqual(pictureData(file), join(header, frame));
  assert.throws(() => pictureData(join(file, fromHex("000000086d6f6f76"))), RangeError); // with "moov"
  assert.throws(() => pictureData(join(file, file)), RangeError);
  assert.throws(() => pictureData(file.subarray(0, 40)), RangeError);
});

test("a container declares no far larger picture", async () => {
  const container = { width: 640, height: 640 };
  checkRatio({ width: 8192, height: 8192 }, container);
  assert.throws(() => checkRatio({ width: 8200, height: 8200 }, container), RangeError);
  const robust = join([1, 0, 0, 15], [0x20, 8, 0x20, 8, 32], new Uint8Array(10));
  await assert.rejects(parseContent(robust, avif, 640 * 640), RangeError);
  for (const coder of [RECORD.JPEG_XL, RECORD.NETWORK]) {
    const near = { width: 4200, height: 4200, upper: 1, lower: 1, rows: 0, coder, levels: new Uint8Array(1000) };
    await assert.rejects(decodeNearLossless(near, {}), /far too few bytes/);
  }
});

test("a network stops when the bytes are used up", async () => {
  let pixels = 0;
  const predictor = {
    id: "01020304",
    reach: 3,
    trunk: async (pass, film, known, rows, columns) => {
      pixels += rows * columns;
      return { linear: new Float32Array(3 * rows * columns), features: new Float32Array(rows * columns) };
    },
    mixture: async (which, features, seen, rows, columns) =>
      new Float32Array((3 * PREDICTED.MIXED + 2) * rows * columns),
  };
  const bytes = Uint8Array.from({ length: 2004 }, (_, at) => (at < 4 ? at + 1 : (at * 97) % 251));
  const size = { width: 512, height: 512, parts: [{ step: 5, rows: 512 }] };
  await assert.rejects(decodePredicted(bytes, size, predictor), RangeError);
  assert.ok(pixels > 0 && pixels < (512 * 512) / 16);
});
