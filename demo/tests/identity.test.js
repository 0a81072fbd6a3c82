/** Hiding for a recipient, whose identity reveals (docs/format.md, "Recipients"; tests/format/recipient.json). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { hideInJpeg, makeJpegCapacity, revealFromJpeg } from "../../stegnet/gui/browser/codec/jpeg.js";
import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { embed, fileCapacity } from "../../stegnet/gui/browser/codec/sealed.js";
import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { openIdentity, pointOf, representative } from "../../stegnet/gui/browser/format/identity.js";
import { filmKeyOf, keySource } from "../../stegnet/gui/browser/format/keys.js";
import { ephemeralZone, saltOf } from "../../stegnet/gui/browser/format/sample_order.js";
import { seal } from "../../stegnet/gui/browser/format/seal.js";
import { readJpeg } from "../../stegnet/gui/browser/jpeg/coefficients.js";
import { encodeJpeg } from "../../stegnet/gui/browser/jpeg/libjpeg.js";
import { channelsOf } from "../../stegnet/gui/browser/picture.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { ideal, random, read, seeded } from "./vectors.js";

const expected = JSON.parse(read("recipient.json"));
const identity = fromHex(expected.identity);

test("an identity's recipient, and the point of an ephemeral key", async () => {
  const { recipient, agree } = await openIdentity(identity);
  assert.equal(toHex(recipient), expected.recipient);
  assert.equal(toHex(pointOf(fromHex(expected.ephemeral))), expected.point);
  assert.equal(await agree(new Uint8Array(32)), null, "a point of low order");
});

test("a container for a recipient", async () => {
  const container = await readPng(read("recipient.png"));
  const { file, whole } = await reveal(ideal("none"), container, { identity });
  assert.deepEqual([file.name, Buffer.from(file.bytes).toString(), whole], [expected.name, expected.data, true]);
  for (const keyInput of [{ identity: random(32) }, { file: identity }]) {
    await assert.rejects(reveal(ideal("none"), container, keyInput), /nothing here opens/);
  }
});

test("an identity hides nothing", async () => {
  await assert.rejects(keySource({ identity }).newKeys(random), /only reveals/);
});

// What stegnet.keys.elligator.representative gives for the same keys, by the byte of randomness.
for (const [publicKey, randomness, expected] of [
  ["e500eab1ea22fee959eb818af78bbf61beb96d8f6b87636d3813756dd61cb36d", 0, null],
  ["1fbecfcede5636a406600be3ab8b8dd8c087f8850910ef08be5e64ba5ce5f503", 17, null],
  ["ecd1cb8bb5a2d0bed303b753a421ffdbf206b2addd48c76227834f07c9fb3d00", 34, null],
  ["bfd7bb86bad1328ade491f84422fa0d899a632f44778eaccda5b72588fa6087e", 51, null],
  ["c6c92ef0e4737a65719678ec5d602c9c4e21f5d66cb39e9cef50dd39805cbb55", 68, "30cd7fdb9124ad09824a681c304c30551878df16bfe00dc5309ae6c3270f0128"],
  ["30b47767f68f85ff183636d8e2ef84df89164d8269676034b3bc67e899aa9c47", 85, null],
  ["f3535b203a8bdea01cc3ad75c5ce17c88f96e692976cbe4fe03066396df35411", 102, "6b246286d2e4cdd5690944b161bd2a649879c0f39b7095d5086da9a4ec16c4a6"],
  ["63b08848fbe0dfe4768d2319c4afd1e9f09cf9b65a1d4e66c098df5cb347a96a", 119, "c6620f8e2ee745206c9ff191f88117858e187c82c59ab631fde71431ce2ab6df"],
  ["9848221d8929b65d5fef43101c6cb9f3e11450f40e68fe6d2cb62fe7dad73707", 136, "a4d91ccb7cba597256db35f616e26d94c7eae4ea4eb66d9fbccae3421067f339"],
  ["ab1787921971b1d5609cc210bcb612ed69dd19087fd8b9c3cf9823b28faf4165", 153, "7fde6582dcb7258cd895cc109fdc70e67b5bc185507978f6f1fbc80d7db76449"],
  ["efb6c3cfd7e635206476b62fd6fd677915abf624dc3fe48d3eecd8897bb34301", 170, "5bc8d410022d5e533cb226e10acefcc67b4b6d47c662ebd2f2a76097db82a6a0"],
  ["9bac90e26e8a32e83820f3bedce32fe6f920acdff465c4b4a35a70a91996d864", 187, null],
  ["96844b59c901880b314d1f1dbee84a53eca0f078968ba32da3419a900e638173", 204, "f2f1e8a4b2259fef228d82256ce111b2a8dedbd45675c42ce6cbb030ca2a391c"],
  ["f212e91c60897300a7a086ff4f028c1cbde69357916563a275cda34da6d5e720", 221, "ae6311e9fbe9cc37a8c92d8701acfe3cc0d05c8502e95ec215d86de542397a63"],
  ["a0b8cbb80e252b95572f9a23084baea499c70f760bd3db361ec7679541fa7b00", 238, null],
  ["ce03c51ba4f1dc62ae4f0b6adf0d21aa2dd3e732ddf08f4c5c03066837125153", 255, "bb9b5a7a65e360f218417be000f7b94768ea5920b4c50c27c6031beec4b739c1"],
]) {
  test(`a public key in disguise, by ${randomness}`, () => {
    const disguised = representative(fromHex(publicKey), randomness);
    assert.equal(disguised && toHex(disguised), expected);
    if (expected && randomness % 8 === 0) assert.equal(toHex(pointOf(disguised)), publicKey);
  });
}

/** Noise, whose strength grows from left to right. */
function noise(width, height) {
  const drawn = seeded(width)(3 * width * height);
  const data = drawn.map((value, at) => ((value >> 1) * ((Math.floor(at / 3) % width) + 1)) / width);
  return { width, height, data };
}

const greyed = ({ data, ...picture }) => ({ ...picture, data: data.map((_, at) => data[at - (at % 3)]) });
const recipient = fromHex(expected.recipient);

for (const [what, cover] of [["a colour picture", noise(151, 97)], ["a grey picture", greyed(noise(151, 97))]]) {
  for (const share of [0, 0.03, 1]) {
    test(`${what} filled to ${share}, for a recipient: only its identity opens it`, async () => {
      const channels = channelsOf(cover);
      const most = fileCapacity({ ...cover, channels, isForRecipient: true }, "x");
      const file = { name: "x", bytes: random(Math.floor(share * most)) };
      const container = await embed(cover, file, { recipient });
      assert.equal(channelsOf(container), channels);
      assert.deepEqual(await reveal(ideal("none"), container, { identity }), { file, whole: true, robust: false });
      await assert.rejects(reveal(ideal("none"), container, { identity: random(32) }), /nothing here opens/);
      const more = { name: "x", bytes: random(most + 1) };
      await assert.rejects(embed(cover, more, { recipient }), /more than the capacity/);
    });
  }
}

test("a JPEG for a recipient", async () => {
  const jpeg = readJpeg(encodeJpeg(noise(160, 120), 90));
  const file = { name: "x", bytes: random(makeJpegCapacity(jpeg, true)("x")) };
  const container = await hideInJpeg(jpeg, file, { recipient });
  assert.deepEqual(await revealFromJpeg(container, { identity }), { file, whole: true, robust: false });
  assert.equal(await revealFromJpeg(container, { identity: random(32) }), null);
});

test("whoever knows the recipient finds as many changes in the ephemeral key’s zone as elsewhere", async () => {
  const cover = noise(80, 60);
  const costsOf = () => ({ up: new Uint16Array(cover.data.length).fill(4000), down: new Uint16Array(cover.data.length).fill(4000) });
  const [inside, all] = [[], []];
  for (let run = 0; run < 20; run++) {
    const container = { ...cover, data: cover.data.slice() };
    await seal(container, new Uint8Array(2000), await keySource({ recipient }).newKeys(random), { costsOf, random, grey: true });
    const positions = await (await filmKeyOf(recipient)).frame(await saltOf(container)).positions();
    const changed = container.data.map((value, at) => Number(value !== cover.data[at]));
    inside.push(...(await ephemeralZone(changed.length, positions)).map((sample) => changed[sample]));
    all.push(...changed);
  }
  const [own, usual] = [inside, all].map((changed) => changed.reduce((sum, each) => sum + each, 0) / changed.length);
  assert.ok(Math.abs(own - usual) < 0.05 * usual, `${own} there, ${usual} of all`);
});

test("a key that anyone could open is refused", async () => {
  const file = { name: "x", bytes: new Uint8Array(1) };
  await assert.rejects(embed(noise(151, 97), file, { recipient: new Uint8Array(32) }), /recipient: its key is not valid/);
});
