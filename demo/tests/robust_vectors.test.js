/** The test vectors of robust containers give the answers that the format says (tests/format/robust_vectors). */

import assert from "node:assert/strict";
import { test } from "node:test";

import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { fromHex, toHex } from "../../stegnet/gui/browser/format/bytes.js";
import { operatingPoints } from "../../stegnet/gui/browser/format/robust_record.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { ideal, read } from "./vectors.js";

const { rungs, vectors } = JSON.parse(read("robust_vectors/answers.json"));
const [PERIOD, SURENESS] = [16, 8]; // of the vectors' modem

/** The ideal modem that the vectors were made for: bit b of an operating point is in pixel b of its block. */
const engine = {
  ...ideal("none"),
  modem: { points: operatingPoints(rungs.map((bits) => ({ name: "", bits, psnr: 38, lowest: 1, highest: 100 }))) },
  run: async (_, width, height, planes, dither) => {
    const [rows, cols] = [height / 8, width / 8];
    const ratioOf = (bit, block) => {
      const [y, x] = [8 * Math.floor(block / cols) + Math.floor(bit / 8), 8 * (block % cols) + (bit % 8)];
      const green = Math.round(255 * planes[(height + y) * width + x]);
      return SURENESS * Math.sin(2 * Math.PI * (green / PERIOD - dither[bit * rows * cols + block]));
    };
    const bits = rungs.flatMap((count) => Array.from({ length: count }, (_, bit) => bit));
    const ratios = bits.flatMap((bit) => Array.from({ length: rows * cols }, (_, block) => ratioOf(bit, block)));
    return Float32Array.from(ratios);
  },
};

for (const { file: name, key, passphrase, answer, ...expected } of vectors) {
  test(`${name} is ${answer}`, async () => {
    const revealed = reveal(
      engine,
      await readPng(read(`robust_vectors/${name}`)),
      key ? { file: fromHex(key) } : { passphrase },
    );
    if (answer === "nothing") {
      await assert.rejects(revealed, { message: /nothing here opens/ });
      return;
    }
    const { file, secret, robust } = await revealed;
    assert.ok(robust);
    if (answer === "file") {
      assert.deepEqual({ name: file.name, bytes: toHex(file.bytes) }, expected);
      return;
    }
    const { width, height, data } = secret;
    assert.deepEqual([height, width], [expected.height, expected.width]);
    for (const [channel, mean] of expected.means.entries()) {
      const found = data.filter((_, at) => at % 3 === channel).reduce((sum, sample) => sum + sample, 0);
      assert.ok(Math.abs(found / width / height - mean) < 0.6, `${found / width / height}, not ${mean}`);
    }
  });
}
