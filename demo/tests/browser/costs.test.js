/** Costs of changing a JPEG, as Python has them. The files come from tests/demo/test_jpeg_page.py. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { readJpeg } from "../../../stegnet/gui/browser/jpeg/coefficients.js";
import { coefficientCosts } from "../../../stegnet/gui/browser/jpeg/costs.js";
import { exchange } from "./open.js";

const FOLDER = exchange("costs");
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith(".jpg"));
const bytes = (name) => new Uint8Array(readFileSync(`${FOLDER}/${name}`));
const RANDOM = 7; // the last bits of costs, which are drawn: here 0 of steps up, so that they are 7 of steps down

for (const name of NAMES) {
  test(name, () => {
    const expected = ["up", "down"].map((way) => new Uint16Array(bytes(name.replace("jpg", way)).buffer));
    const samples = new Uint8Array(expected[0].length).fill(128);
    const drawn = (size) => new Uint8Array(size);
    const { up, down } = coefficientCosts(readJpeg(bytes(name)), samples, drawn, { onProgress: () => {} });
    const found = [up, down.map((cost) => cost - RANDOM)];
    found.forEach((costs, way) => {
      let others = 0;
      costs.forEach((cost, at) => {
        const wanted = expected[way][at];
        if (Math.abs(cost - wanted) > 1 + wanted / 1000) others++;
      });
      assert.ok(others < costs.length / 1000, `${others} of ${costs.length} are others`); // signs of next to nothing
    });
  });
}

test("there are such files", () => assert.ok(NAMES.length > 3));
