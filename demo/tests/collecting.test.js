/** Damage of films is told as the program tells it (tests/record). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Collected, trouble } from "../../stegnet/gui/browser/codec/collecting.js";
import { seeded } from "./vectors.js";

const ALTERED = { index: 1, whole: false };
const frames = (...indices) => indices.map((index) => (index === null ? null : { index, whole: true }));

for (const [what, statuses, lines] of [
  ["nothing", frames(0, 1, 2, 3), []],
  ["an altered frame", [...frames(0), ALTERED, ...frames(2, 3)], ["Frame 1 was altered since it was hidden."]],
  ["an unreadable frame", frames(0, null, 2, 3), ["Frame 1 was altered beyond reading."]],
  ["lost frames", frames(0, 3), ["2 frames (1–2) were lost."]],
  ["a moved frame", frames(1, 2, 3, 0), ["Frame 0 was moved to another place."]],
  ["a repeated frame", frames(0, 1, 1, 2, 3), ["Frame 1 was repeated."]],
  ["a foreign frame", frames(0, 1, null, 2, 3), ["1 foreign frame was inserted."]],
  ["a lost frame, too", frames(0, null, 3), ["Frame 1 was altered beyond reading.", "Frame 2 was lost."]],
]) {
  test(`diagnosis of ${what}`, () => assert.deepEqual(trouble(statuses, 4), lines));
}

const bytes = seeded(1)(10);
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const share = (index, start, end) => ({
  ...{ filmId: new Uint8Array(16), frames: 3, index, whole: true },
  file: { name: "x", size: 10, digest, offset: start, bytes: bytes.subarray(start, end) },
});

test("a file is collected from frames in any order", async () => {
  const found = new Collected();
  for (const record of [share(2, 6, 10), share(0, 0, 3), share(1, 3, 6)]) found.add(record);
  assert.deepEqual((await found.file()).bytes, bytes);
});

test("a file of which bytes are missing, or wrong, is not revealed", async () => {
  const [short, wrong] = [new Collected(), new Collected()];
  for (const record of [share(0, 0, 3), null, share(2, 6, 10)]) short.add(record);
  const message = "3 of the file's 10 bytes are missing. Frame 1 was altered beyond reading.";
  await assert.rejects(short.file(), { message });
  for (const record of [share(0, 0, 3), share(1, 4, 7), share(2, 6, 10)]) wrong.add(record);
  await assert.rejects(wrong.file(), { message: /not those that were hidden/ });
});
