/** JPEG files and what they show equal libjpeg's (tests/codec/robust_steps.json). */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { encodeJpeg, throughJpeg } from "../src/jpeg/jpeg.js";
import { picture, robustSteps, seeded } from "./vectors.js";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

for (const { picture: plain, files } of robustSteps.jpeg) {
  const given = picture(plain);
  for (const [name, { file, decoded }] of Object.entries(files)) {
    const [quality, chroma] = name.split(" ");
    const how = [Number(quality), chroma === "4:4:4"];
    test(`${given.width}×${given.height} pixels at quality ${name}`, () => {
      assert.equal(digest(throughJpeg(given, ...how).data), decoded);
      assert.equal(digest(encodeJpeg(given, ...how)), file);
    });
  }
}

test("noise takes more bytes than its samples, and is not cut off", () => {
  const noise = { width: 200, height: 200, data: seeded(1)(3 * 200 * 200) };
  const file = encodeJpeg(noise, 100, true);
  assert.ok(file.length > 100_000, `${file.length}`);
  assert.deepEqual([...file.subarray(-2)], [0xff, 0xd9]);
});
