/** Segments of a JPEG, as the form reads them to tell where a photograph was taken. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { codedEnd, segmentsOf } from "../../stegnet/gui/page/form/exif.js";

const CODED = [1, 2, 3];
const SOS = [0xff, 0xda, 0, 3, 0];
const EOI = [0xff, 0xd9];

test("coded data end at any marker but those of restarts", () => {
  for (let marker = 0; marker < 256; marker++) {
    const bytes = Uint8Array.from([...CODED, 0xff, marker, ...CODED, ...EOI]);
    const isCoded = marker === 0 || (marker >= 0xd0 && marker <= 0xd7);
    assert.equal(codedEnd(bytes, 0), isCoded ? bytes.length - EOI.length : CODED.length, `marker ${marker}`);
  }
  assert.equal(codedEnd(Uint8Array.from(CODED), 0), CODED.length);
});

test("what comes behind a picture of many restarts is found", () => {
  const restarts = Array.from({ length: 8 }, (_, at) => [...CODED, 0xff, 0xd0 + at]).flat();
  const bytes = Uint8Array.from([0xff, 0xd8, ...SOS, ...restarts, ...CODED, ...EOI]);
  assert.deepEqual([...segmentsOf(bytes)].map(({ marker }) => marker), [0xda, 0xd9]);
});
