/** What the page says of a file before it is hidden. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { channelOf, choosePoint, sentSize, usualCapacity } from "../../stegnet/gui/browser/codec/channels.js";
import { HEAD_BYTES } from "../../stegnet/gui/browser/format/content.js";
import { operatingPoints } from "../../stegnet/gui/browser/format/robust_record.js";
import { survivingForecast } from "../../stegnet/gui/browser/page/advice.js";
import { CHANNELS } from "../../stegnet/gui/browser/page/jobs.js";

const modem = new URL("../../stegnet/weights/modem.json", import.meta.url);
const points = operatingPoints(JSON.parse(readFileSync(modem, "utf8")).options.rungs);

test("a file fits into what a messenger keeps with its name and head only", () => {
  const cover = { bitmap: { width: 1024, height: 768 } };
  const channel = channelOf(CHANNELS.messenger);
  const most = usualCapacity(CHANNELS.messenger, choosePoint(points, channel), sentSize(channel, cover.bitmap));
  const told = (size) =>
    survivingForecast(cover, { name: "a.bin", file: { size } }, { destination: "messenger" }, points, false).text;
  const length = most - HEAD_BYTES - "a.bin".length - 1;
  assert.match(told(length), /fits as it is/);
  assert.match(told(length + 1), /too large/);
});
