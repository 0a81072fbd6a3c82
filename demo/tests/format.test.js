/** Each step on the way into a container equals Python's (tests/codec/steps.json). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, toHex } from "../src/format/bytes.js";
import { Key, keySource } from "../src/format/keys.js";
import { formatRecord, parseRecord } from "../src/format/record.js";
import { room, seal, unseal } from "../src/format/seal.js";
import { drawShuffle, shuffled, unshuffled } from "../src/format/shuffle.js";
import { pack, unpack } from "../src/format/thumbnail.js";
import { resize } from "../src/resize.js";
import { bytesOf, picture, steps } from "./vectors.js";

const key = await Key.of(fromHex(steps.key));
const [filmId, nonce, salt] = [steps.film_id, steps.nonce, steps.salt].map(fromHex);

test("subkeys", async () => {
  const byPassphrase = await keySource({ passphrase: steps.passphrase })(salt);
  const found = {
    lead: await key.lead(),
    record: await key.record(),
    positions: await key.positions(),
    positions_of_record: await key.positions(nonce),
    mac: await key.mac(),
    commitment: await key.commitment(filmId),
    shuffle_of_frame_5: await key.shuffle(filmId, 5),
    lead_by_passphrase: await byPassphrase.lead(),
  };
  const wanted = Object.keys(steps.subkeys);
  assert.deepEqual(Object.keys(found), wanted);
  for (const name of wanted) assert.equal(toHex(found[name]), steps.subkeys[name], name);
});

test("passphrases are normalised", async () => {
  const apart = await keySource({ passphrase: steps.passphrase.normalize("NFD") })(salt);
  assert.equal(toHex(await apart.lead()), steps.subkeys.lead_by_passphrase);
});

test("invalid keys are refused", () => {
  assert.throws(() => keySource({ file: new Uint8Array(31) }), /not a key file/);
  assert.throws(() => keySource({ passphrase: "" }), /no passphrase/);
  assert.throws(() => keySource({ passphrase: "x".repeat(1025) }), /can't be used/);
  assert.throws(() => keySource({ passphrase: "\ud800" }), /can't be used/);
});

test("shuffle", async () => {
  const { rows, cols, permutation, plane } = steps.shuffled;
  const shuffle = await drawShuffle(await key.shuffle(filmId, 5), rows * cols);
  assert.deepEqual([...shuffle.permutation], permutation);
  const upright = Float32Array.from({ length: plane.length }, (_, index) => index + 1);
  const three = Float32Array.from([...upright, ...upright, ...upright]);
  const shown = shuffled(three, 8 * cols, 8, shuffle);
  assert.deepEqual([...shown.subarray(0, plane.length)], plane);
  assert.deepEqual([...shown.subarray(2 * plane.length)], plane);
  assert.deepEqual(unshuffled(shown, 8 * cols, 8, shuffle), three);
});

test("thumbnail", async () => {
  const { width, height, data } = picture(steps.thumbnail.means);
  assert.deepEqual(await unpack(fromHex(steps.thumbnail.packed), height, width), data);
  assert.deepEqual(await unpack(await pack(data, height, width), height, width), data);
});

test("a thumbnail of another size, truncated or not a zlib stream is refused", async () => {
  const { width, height } = steps.thumbnail.means;
  const packed = fromHex(steps.thumbnail.packed);
  await assert.rejects(unpack(packed, height, width + 1), RangeError);
  await assert.rejects(unpack(packed, height, width - 1), RangeError);
  await assert.rejects(unpack(packed.subarray(0, -1), height, width), RangeError);
  await assert.rejects(unpack(fromHex("00" + steps.thumbnail.packed), height, width), RangeError);
});

test("record", async () => {
  const hidden = { ...steps.record.fields, thumbnail: fromHex(steps.record.fields.thumbnail) };
  assert.equal(toHex(formatRecord(filmId, await key.commitment(filmId), hidden)), steps.record.bytes);
  const parsed = await parseRecord(fromHex(steps.record.bytes), key);
  assert.deepEqual(parsed.filmId, filmId);
  assert.deepEqual({ ...parsed.hidden, thumbnail: toHex(parsed.hidden.thumbnail) }, steps.record.fields);
});

for (const [index, sealed] of steps.sealed.entries()) {
  test(`sealed bits ${index}`, async () => {
    const [container, record] = [picture(sealed.before), fromHex(sealed.record)];
    const roundingDirection = sealed.leans_up
      ? Int8Array.from(bytesOf(sealed.leans_up), (up) => 2 * up - 1)
      : new Int8Array(container.data.length);
    await seal(container, record, key, nonce, salt, roundingDirection);
    assert.deepEqual(container, picture(sealed.after));
    assert.deepEqual(await unseal(container, key), { record, whole: true });
  });
}

test("room", () => {
  assert.equal(room(20, 21), -1);
  assert.equal(room(36, 12), 32);
  assert.equal(room(48, 40), Math.floor((48 * 40 * 3 - 520) / 16) - 16);
});

for (const [index, { from, to }] of steps.resized.entries()) {
  test(`resized ${index}`, () => {
    assert.deepEqual(resize(picture(from), to.width, to.height), picture(to));
  });
}
