/** How easily containers are found, as Python tells it. The files come from tests/demo/test_jpeg_page.py. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { isTooFine, securityOf } from "../../../stegnet/gui/browser/codec/jpeg.js";
import { lossyFormat } from "../../../stegnet/gui/browser/codec/lossy_format.js";
import { conditionOf, detection, securityOfPicture } from "../../../stegnet/gui/browser/codec/secure_payload.js";
import { pictureEvidence } from "../../../stegnet/gui/browser/evidence/pictures.js";
import { readJpeg } from "../../../stegnet/gui/browser/jpeg/coefficients.js";
import { channelsOf } from "../../../stegnet/gui/browser/picture.js";
import { isPng, readPng } from "../../../stegnet/gui/browser/png.js";
import { exchange } from "./open.js";

const FOLDER = exchange("covers");
const ANSWERS = JSON.parse(readFileSync(exchange("answers.json"), "utf8"));
const bytes = (name) => new Uint8Array(readFileSync(`${FOLDER}/${name}`));

/** What is told of a cover whose container is of a kind: "jpeg" or "png". */
async function told(name, kind) {
  const file = bytes(name);
  if (kind === "jpeg") {
    const jpeg = readJpeg(file);
    return securityOf(jpeg, isTooFine(jpeg));
  }
  if (!isPng(file)) return { history: lossyFormat(file) };
  const picture = await readPng(file);
  return securityOfPicture({ ...picture, channels: channelsOf(picture) }, await pictureEvidence(picture));
}

for (const [name, kinds] of Object.entries(ANSWERS)) {
  for (const [kind, { words, ...expected }] of Object.entries(kinds)) {
    test(`${name} as ${kind}`, async () => {
      const condition = conditionOf({ file: { name }, isJpeg: kind === "jpeg" });
      const security = await told(name, kind);
      assert.equal(security.history, expected.history);
      if (words) assert.deepEqual(Object.keys(words).map((size) => detection(Number(size), security, condition)), Object.values(words));
      if (expected.hard !== undefined) assert.equal(security.hard, expected.hard);
    });
  }
}

test("there are such files", () => assert.deepEqual(readdirSync(FOLDER).sort(), Object.keys(ANSWERS).sort()));
