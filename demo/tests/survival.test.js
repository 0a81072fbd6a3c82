/** Containers that survive JPEG, by the shipped modem: hidden, saved again, and revealed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as ort from "onnxruntime-web";

import { arrivals, channelOf, choosePoint, prepared, received, WORST } from "../../stegnet/gui/browser/codec/channels.js";
import { sentSize, usualCapacity } from "../../stegnet/gui/browser/codec/channels.js";
import { fitSecret } from "../../stegnet/gui/browser/codec/fit.js";
import { hideBits } from "../../stegnet/gui/browser/codec/modem.js";
import { reveal } from "../../stegnet/gui/browser/codec/reveal.js";
import { hideRobust } from "../../stegnet/gui/browser/codec/survival.js";
import { fileBytes, fileContent } from "../../stegnet/gui/browser/format/content.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { gridOf, saltsOf } from "../../stegnet/gui/browser/format/regions.js";
import { codedBits, ditherOf, operatingPoints } from "../../stegnet/gui/browser/format/robust_record.js";
import { readJpeg } from "../../stegnet/gui/browser/jpeg/coefficients.js";
import { encodeJpeg, throughJpeg } from "../../stegnet/gui/browser/jpeg/libjpeg.js";
import { JpegCover } from "../../stegnet/gui/browser/jpeg/jpeg_cover.js";
import { tiled } from "../src/network/tiles.js";
import { psnr } from "../../stegnet/gui/browser/picture.js";
import { avif, ideal, robustSteps, seeded } from "./vectors.js";

const shipped = (name) => fileURLToPath(new URL(`../../stegnet/weights/modem.${name}`, import.meta.url));
const { options } = JSON.parse(readFileSync(shipped("json"), "utf8"));
const points = operatingPoints(options.rungs);
const keyInput = { file: new Uint8Array(32).fill(7) };
const note = { name: "note.txt", bytes: new TextEncoder().encode("a note"), picture: null };

/** The shipped modem in Node.js. */
async function modemEngine() {
  const sessions = {};
  for (const name of ["hide", "reveal"]) {
    const bytes = readFileSync(shipped(`${name}.onnx`));
    sessions[`modem.${name}`] = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  }
  const run = (network, width, height, ...inputs) => {
    const session = sessions[network];
    const compute = async (parts) => {
      const tensors = parts.map(({ data, dims }) => new ort.Tensor("float32", data, dims));
      const feeds = Object.fromEntries(session.inputNames.map((name, index) => [name, tensors[index]]));
      return (await session.run(feeds))[session.outputNames[0]].data;
    };
    return tiled(network, width, height, inputs, compute, () => {});
  };
  return { ...ideal("none"), modem: { points, isLocal: options.backbone === "none" }, run };
}

const engine = await modemEngine();

/** Waves with noise, as photographs have. */
function textured(width, height, seed) {
  const noise = seeded(seed)(width * height);
  const value = (_, at) => {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    return 120 + 60 * Math.sin((x + 30 * (at % 3)) / 13) * Math.cos(y / 17) + noise[y * width + x] / 16;
  };
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, value) };
}

function hidden(cover, secret, name, onProgress) {
  const channel = channelOf(name);
  const options = { keyInput, channel, point: choosePoint(points, channel), onProgress };
  return hideRobust(engine, cover, (capacity) => fitSecret(secret, capacity, avif), options);
}

test("a picture is recovered after JPEG 75, as well as is told", async () => {
  const picture = textured(90, 70, 2);
  const secret = { name: "s.png", bytes: new Uint8Array(9999), picture };
  const { container, fitted } = await hidden(textured(203, 165, 1), secret, "jpeg:75");
  const revealed = await reveal(engine, throughJpeg(throughJpeg(container, 95), 75), keyInput);
  assert.ok(Math.abs(psnr(revealed.secret, picture) - fitted.psnr) < 0.01, `${fitted.psnr} dB is told`);
});

test("a file that fits to the byte is whole, and one byte more is refused", async () => {
  for (const size of [0, 1, 300]) {
    const [file, least] = [{ name: "ä", bytes: new Uint8Array(size) }, fileBytes("ä", size)];
    const { isWhole, content } = await fitSecret(file, least, avif);
    assert.ok(isWhole);
    assert.equal(content.length, least);
    await assert.rejects(fitSecret(file, least - 1, avif), /needs \d+ bytes, more than the capacity/);
  }
});

test("a file is recovered byte for byte after messengers", async () => {
  const { container, fitted: whole } = await hidden(textured(176, 144, 3), note, "messenger");
  assert.ok(whole.isWhole);
  const sent = throughJpeg(throughJpeg(throughJpeg(container, 95), 72), 78);
  const { file } = await reveal(engine, sent, keyInput);
  assert.deepEqual(file, { name: note.name, bytes: note.bytes });
});

test("a large container is read, and nothing with another key", async () => {
  const cover = textured(656, 624, 11);
  const [salt] = await saltsOf(cover);
  const key = await keySource(keyInput).robustKey(salt);
  const [grid, point] = [gridOf(cover), points.find(({ name }) => name === "jpeg-75")];
  const { bits, unused } = await codedBits(grid, point, { rate: 20, share: 3 }, fileContent(note.name, note.bytes), key, seeded(1)(7));
  const container = await hideBits(engine, cover, point, bits, await ditherOf(grid, key), unused);
  const { file } = await reveal(engine, throughJpeg(container, 80), keyInput);
  assert.deepEqual(file.bytes, note.bytes);
  await assert.rejects(reveal(engine, container, { file: new Uint8Array(32) }), /nothing here opens/);
});

test("a small file leaves blocks as they are, and the whole cover is tried in the worst of what may arrive", async () => {
  const [cover, counts] = [textured(640, 416, 8), {}];
  const count = (stage, done, total) => (counts[stage] = stage === "check" ? total : done + 1);
  const { container } = await hidden(cover, note, "jpeg:75", count);
  assert.equal(arrivals(channelOf("jpeg:75")), 10);
  assert.ok(counts.rate > 10 && counts.rate <= 10 + 6, "all in a band of the cover, and at most 6 in all of it");
  assert.ok(counts.check <= 1 + 6, "these, and the file itself");
  const isSame = (block) => {
    const [top, left] = [8 * Math.floor(block / 80), 8 * (block % 80)];
    const rows = Array.from({ length: 8 }, (_, y) => 3 * ((top + y) * 640 + left));
    return rows.every((from) => Buffer.compare(part(cover, from), part(container, from)) === 0);
  };
  const part = ({ data }, from) => data.subarray(from, from + 24);
  const same = Array.from({ length: 4160 }, (_, block) => isSame(block)).filter(Boolean).length;
  assert.ok(same > 4010 && same < 4096, `${same} of 4160 blocks`); // up to 64 carry the header
  const { file } = await reveal(engine, throughJpeg(throughJpeg(container, 95), 75), keyInput);
  assert.deepEqual(file.bytes, note.bytes);
});

test("a file that does not fit, and a cover without capacity, are refused", async () => {
  const large = { ...note, bytes: new Uint8Array(5000) };
  await assert.rejects(
    hidden(textured(128, 96, 4), large, "jpeg:75"),
    /needs 5,013 bytes, more than the capacity of \d+\./,
  );
  for (const [width, height] of [
    [24, 24],
    [300, 7],
  ]) {
    await assert.rejects(hidden(textured(width, height, 5), note, "jpeg:75"), /survives JPEG 75 and better/);
  }
});

test("rungs and forecasts are the program’s", () => {
  const size = { width: 640, height: 480 };
  for (const { channel, rung, room } of robustSteps.forecasts) {
    const chosen = choosePoint(points, channelOf(channel));
    assert.equal(chosen.name, rung, channel);
    assert.equal(usualCapacity(channel, chosen, size), room, channel);
  }
});

test("messengers reduce large covers", () => {
  const cover = textured(2000, 30, 6);
  assert.deepEqual(sentSize(channelOf("messenger"), cover), { width: 1280, height: 19 });
  assert.equal(prepared(channelOf("messenger"), cover).width, 1280);
  assert.equal(prepared(channelOf("jpeg:75"), cover), cover);
});

test("the file itself arrives first, then what channels make of it", () => {
  const container = textured(48, 32, 7);
  const sent = throughJpeg(container, 95);
  const arriving = [...received(channelOf("jpeg:90"), sent)];
  assert.deepEqual(arriving[0], sent);
  assert.deepEqual(arriving[1], throughJpeg(sent, 90));
  assert.deepEqual(arriving.at(-1), throughJpeg(sent, 90, true));
  assert.equal(arriving.length, 2 + 1 + 4); // 91, 92, 94 and 97
  const worst = throughJpeg(throughJpeg(sent, 70), 70);
  assert.deepEqual([...received(channelOf("messenger"), sent, [WORST])], [worst]);
  assert.equal(arrivals(channelOf("messenger")), 27);
});

test("a JPEG is upright where viewers show the stored pixels as they are", () => {
  const made = textured(203, 250, 6);
  const [jpeg, cover] = [readJpeg(encodeJpeg(made, 85)), throughJpeg(made, 85)];
  const upsideDown = { ...cover, data: Uint8Array.from(cover.data.toReversed()) };
  assert.deepEqual([cover, upsideDown].map((shown) => new JpegCover(jpeg, shown, null).isUpright), [true, false]);
});
