/** JPEGs of many kinds, read and written as Python does. The files come from tests/demo/test_jpeg_page.py. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { readJpeg, withPlanes } from "../../../stegnet/gui/browser/jpeg/coefficients.js";
import { exchange } from "./open.js";

const FOLDER = exchange("kinds");
const bytes = (name) => new Uint8Array(readFileSync(`${FOLDER}/${name}`));
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith(".cover"));

/** The coefficients in a file, by component. */
function planesIn(name, like) {
  const all = new Int16Array(bytes(name).buffer);
  let at = 0;
  return like.map(({ length }) => all.slice(at, (at += length)));
}

for (const name of NAMES) {
  test(name, () => {
    const cover = bytes(name);
    const jpeg = readJpeg(cover);
    const of = (suffix) => name.replace(".cover", suffix);
    assert.deepEqual(jpeg.planes, planesIn(of(".before"), jpeg.planes));
    assert.deepEqual(withPlanes(jpeg, jpeg.planes), cover);
    assert.deepEqual(withPlanes(jpeg, planesIn(of(".after"), jpeg.planes)), bytes(of(".written")));
  });
}

test("there are such files", () => assert.ok(NAMES.length > 9));
