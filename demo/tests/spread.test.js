/** Spread files: shares are those of tests/format/spread.json, and any that are enough give the file. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { chooseNeeded, framesFor, fullCapacity, joinShares, makeShares, mostLost } from "../../stegnet/gui/browser/format/spread.js";
import { read } from "./vectors.js";

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
