/** Pictures whose declared sides are other ones, or far too large, are refused before they are decoded. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { avif } from "./vectors.js";
import { requirePicture, pictureData } from "../../stegnet/gui/browser/format/av1_header.js";
import { decodeBase, CODED } from "../../stegnet/gui/browser/format/base.js";
import { fromHex, join } from "../../stegnet/gui/browser/format/bytes.js";
import { asFile, fromBare, parseContent } from "../../stegnet/gui/browser/format/content.js";
import { checkRatio } from "../../stegnet/gui/browser/format/record.js";

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
});
