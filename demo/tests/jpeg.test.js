/** JPEG files and what they show equal libjpeg's (tests/format/robust_steps.json). */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { encodeJpeg, throughJpeg } from "../../stegnet/gui/browser/jpeg/libjpeg.js";
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

test("a grey picture is a grey JPEG, as libjpeg writes it", () => {
  const drawn = seeded(7)(3 * 75 * 50);
  const grey = { width: 75, height: 50, data: drawn.map((_, at) => drawn[at - (at % 3)]) };
  assert.equal(digest(encodeJpeg(grey, 95)), "5e89e9d2a87a2ac19e8a03136252086c52f5a82faa512e3020e4bd63c2f40592");
  assert.equal(
    digest(throughJpeg(grey, 95).data),
    "8a5d3af2d77e6c35a195174752361f98bfa7ab1665c748215bd43fe64eaf23d9",
  );
});

test("noise takes more bytes than its samples, and is not cut off", () => {
  const noise = { width: 200, height: 200, data: seeded(1)(3 * 200 * 200) };
  const file = encodeJpeg(noise, 100, true);
  assert.ok(file.length > 100_000, `${file.length}`);
  assert.deepEqual([...file.subarray(-2)], [0xff, 0xd9]);
});
