/** Spread files: shares are those of tests/format/spread.json, and any that are enough give the file. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Collected } from "../src/codec/collecting.js";
import { fromHex, join, toHex } from "../src/format/bytes.js";
import { filmKeyOf } from "../src/format/keys.js";
import { FILE, formatFileRecord, parseRecord } from "../src/format/record.js";
import { chooseNeeded, framesFor, fullCapacity, joinShares, makeShares, mostLost } from "../src/format/spread.js";
import { random, read, seeded } from "./vectors.js";

const steps = JSON.parse(read("spread.json"));

for (const { frames, needed, film_id, data, shares } of steps) {
  test(`shares of ${frames} frames, ${needed} of which are needed`, async () => {
    const [bytes, filmId] = [fromHex(data), fromHex(film_id)];
    const share = await makeShares(bytes, { filmId, frames, needed });
    const made = shares.map((_, frame) => share(frame));
    assert.deepEqual(made.map(toHex), shares);
    const spread = { filmId, frames, needed, size: bytes.length };
    const some = made.map((each, frame) => [frame, each]).filter(([frame]) => frame >= mostLost(frames, needed));
    assert.deepEqual((await joinShares(new Map(some), spread)).bytes, bytes);
    assert.deepEqual(await joinShares(new Map(some.slice(0, needed - 1)), spread).then((found) => found.bytes), null);
  });
}

// What stegnet.record.spread gives: frames, bytes, bytes that fit into a frame, shares needed, frames that may be lost.
for (const [frames, size, capacity, needed, lost] of [
  [2, 500, 10_000, 1, 1],
  [62, 34, 10_000, 1, 61],
  [62, 1000, 10_000, 16, 46],
  [62, 20_000, 10_000, 41, 21],
  [62, 6200, 100, 62, 0],
  [257, 10 ** 6, 10 ** 6, 58, 86],
  [1000, 10 ** 6, 10 ** 6, 128, 335],
  [90_000, 10 ** 9, 10 ** 9, 125, 30_020],
]) {
  test(`of ${frames} frames with ${size} bytes, ${lost} may be lost, as in the program`, () => {
    assert.equal(chooseNeeded(size, frames, capacity), needed);
    assert.equal(mostLost(frames, needed), lost);
    const most = fullCapacity(frames, capacity);
    assert.ok(most >= size && fullCapacity(framesFor(most + 1, capacity), capacity) > most);
  });
}

const bytes = seeded(1)(1000);
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const filmId = random(16);
const share = await makeShares(bytes, { filmId, frames: 6, needed: 4 });
const key = await filmKeyOf(random(32));
const commitment = await key.commitment(filmId);
const file = { name: "x", size: 1000, digest, needed: 4 };
const packed = (index) => formatFileRecord(filmId, commitment, { frames: 6, index }, { ...file, bytes: share(index) });
const record = async (index) => ({ ...(await parseRecord(packed(index), key)), whole: true });

test("a spread file is collected from some frames, in any order", async () => {
  const found = new Collected();
  for (const index of [5, 0, 3, 4]) found.add(await record(index));
  const { bytes: back, trouble } = await found.file();
  assert.deepEqual(back, bytes);
  assert.ok(trouble.some((line) => line.includes("lost")));
});

test("too few frames of a spread file are reported", async () => {
  const found = new Collected();
  for (const index of [0, 1, 2]) found.add(await record(index));
  const message = "The file needs 4 of its 6 frames, and 3 can be read. 3 frames (3–5) were lost.";
  await assert.rejects(found.file(), { message });
});

test("a record of a share is refused where it can't be one", async () => {
  assert.equal((await parseRecord(packed(1), key)).kind, FILE);
  const needed = packed(1).length - share(1).length - 1; // the low byte
  const altered = (value) => packed(1).map((byte, at) => (at === needed ? value : byte));
  for (const wrong of [altered(0), altered(7), join(packed(1), [0]), packed(1).subarray(0, -1)])
    await assert.rejects(parseRecord(wrong, key), RangeError);
});
