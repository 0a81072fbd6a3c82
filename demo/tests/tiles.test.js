/** Tiles give the same picture as one pass. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as ort from "onnxruntime-web";

import { tiled } from "../src/network/tiles.js";

const SHIPPED = fileURLToPath(new URL("../../stegnet/weights", import.meta.url));
const GRAPHS = process.env.STEGNET_ONNX ?? SHIPPED;
const [WIDTH, HEIGHT] = [536, 560];

/** Waves with some noise, (count, HEIGHT / cell, WIDTH / cell) in [0, 1]. */
function planes(seed, count = 3, cell = 1) {
  let state = seed;
  return Float32Array.from({ length: (count * WIDTH * HEIGHT) / cell ** 2 }, (_, at) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [x, y] = [at % WIDTH, Math.floor(at / WIDTH)];
    return 0.5 + 0.4 * Math.sin((x * 3 + y * 2) / (17 + seed)) + 0.1 * (state / 2 ** 32 - 0.5);
  });
}

test("each sample keeps its position", async () => {
  const picture = planes(1);
  const calls = [];
  const shown = await tiled(
    "hide",
    WIDTH,
    HEIGHT,
    [picture],
    async ([part]) => part.data,
    (...how) => calls.push(how),
  );
  assert.deepEqual(shown, picture);
  assert.deepEqual(calls, [
    [0, 4],
    [1, 4],
    [2, 4],
    [3, 4],
  ]);
});

const ofPair = (network) => `${GRAPHS}/default.${network}.onnx`;
const ends = ["prepare", "enhance", "restore"].filter((network) => existsSync(ofPair(network))); // not every pair has them
const pair = ["hide", "reveal", ...ends].map((network) => [network, ofPair(network)]);
const modem = ["modem.hide", "modem.reveal"].map((network) => [network, `${SHIPPED}/${network}.onnx`]);

for (const [network, path] of [...pair, ...modem]) {
  test(`tiles of ${network} are invisible`, async () => {
    const bytes = readFileSync(path);
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const shapes = session.inputMetadata.map(({ shape: [, count, rows] }) => ({ count, cell: rows === "rows" ? 8 : 1 }));
    const inputs = shapes.map(({ count, cell }, index) => planes(index + 1, count, cell));
    const compute = async (parts) => {
      const tensors = parts.map(({ data, dims }) => new ort.Tensor("float32", data, dims));
      const feeds = Object.fromEntries(session.inputNames.map((name, index) => [name, tensors[index]]));
      return (await session.run(feeds))[session.outputNames[0]].data;
    };
    const dims = ({ count, cell }) => [1, count, HEIGHT / cell, WIDTH / cell];
    const whole = await compute(inputs.map((data, index) => ({ data, dims: dims(shapes[index]) })));
    const cut = await tiled(network, WIDTH, HEIGHT, inputs, compute, () => {});
    const apart = cut.reduce((most, value, at) => Math.max(most, Math.abs(value - whole[at])), 0);
    assert.ok(apart < 1e-4, `${apart} apart: a fortieth of a level is allowed`);
    await session.release();
  });
}
