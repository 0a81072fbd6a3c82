/** Files in films, and in pictures, as the page's worker hides them. Films come from tests/demo/test_demo_films.py. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { run } from "./jobs.js";
import { bytes, exchange, open, PASSPHRASE } from "./open.js";

/** Those of docs/format.md. */
const VECTORS = new URL("../../../tests/format/vectors/", import.meta.url).pathname;
const { vectors } = JSON.parse(await readFile(`${VECTORS}answers.json`, "utf8"));
const KEY = (await readFile(exchange("key"))).toString("hex");

let site, visitor;
before(async () => {
  site = await open();
  visitor = await site.visit(site.isolated);
});
after(async () => {
  await visitor.close();
  await site.close();
});

/** Evidence that the page gives the worker of a picture in which nothing would show a change. */
const NO_EVIDENCE = { proof: null, changes: Infinity };

const key = () => ({ key: exchange("key") });
const reveal = (name, what = {}) =>
  run(visitor, "reveal", what, { film: exchange(name), ...(what.keyInput ? {} : key()) });

for (const name of ["plain.mp4", "turned.mp4", "uneven.mkv", "odd.mkv", "broadcast.ts"]) {
  test(`a file hidden in ${name}`, async () => {
    const files = { film: exchange(name), file: exchange("note.bin"), ...key() };
    const { result, error } = await run(visitor, "seal", {}, files);
    assert.equal(error, undefined);
    assert.equal(result.hidden.bytes, 700);
    assert.equal(result.mayBeLost, 2);
    assert.ok(result.hidden.capacity > 700 && result.frames === 6 && result.psnr.container > 50, JSON.stringify(result));
    await writeFile(exchange(`${name}.container.mkv`), result.file);
    const back = await reveal(`${name}.container.mkv`);
    assert.deepEqual([back.result.name, back.result.whole, back.result.trouble], ["note.bin", true, []]);
    assert.deepEqual(back.result.file, await bytes("note.bin"));
  });
}

test("a file hidden in a picture, with a passphrase", async () => {
  const files = { cover: exchange("cover.png"), file: exchange("note.bin") };
  const { result, error } = await run(visitor, "seal", { keyInput: { passphrase: PASSPHRASE }, evidence: NO_EVIDENCE }, files);
  assert.equal(error, undefined);
  await writeFile(exchange("sealed.png"), result.file);
});

for (const [name, keyInput] of [
  ["python.mkv"],
  ["python.mp4"],
  ["python_passphrase.mkv", { passphrase: PASSPHRASE }],
]) {
  test(`the program's film ${name} opens`, async () => {
    const { result, error } = await reveal(name, { keyInput });
    assert.equal(error, undefined);
    assert.deepEqual([result.name, result.whole, result.frames], ["note.bin", true, 6]);
    assert.deepEqual(result.file, await bytes("note.bin"));
  });
}

for (const [name, message, hint] of [
  ["few.mkv", /^The file needs 4 of its 6 frames, and 3 can be read\. 3 frames \(3–5\) were lost\.$/, /whole or not/],
  ["plain.mp4", /nothing here opens with this key/, /h264 kept nothing .* revealed by the program/],
  ["uneven.mkv", /nothing here opens with this key/, /The key is a different one/],
  ["note.bin", /^This file can.t be read as a film\.$/, /Convert it/],
]) {
  test(`${name} is refused in one message`, async () => {
    const { error } = await reveal(name);
    assert.match(error.message, message);
    assert.match(error.hint, hint);
  });
}

const [nothing, tooFew] = [/nothing here opens/, /^The file needs 3 of its 6 frames, and 2 can be read/];
const film = /^This film hides another film by a network\.$/;
const films = vectors.filter(({ file, key }) => file.endsWith(".mkv") && (!key || key === KEY));
for (const { file, key: byKey, passphrase, base, answer, shown } of films) {
  test(`the vector ${file} is ${answer}`, async () => {
    const files = { film: VECTORS + file, ...(byKey ? key() : {}) };
    const { result, error } = await run(visitor, "reveal", { keyInput: { passphrase } }, files);
    if (result) {
      assert.deepEqual([createHash("sha256").update(result.file).digest("hex")], shown);
      assert.equal(result.whole, answer === "whole");
      return;
    }
    assert.ok(base || ["lost", "nothing"].includes(answer));
    assert.match(error.message, answer === "nothing" ? nothing : base ? film : tooFew);
  });
}

test("a file that does not fit into a film is refused", async () => {
  const files = { film: exchange("plain.mp4"), file: exchange("large.bin"), ...key() };
  const { error } = await run(visitor, "seal", {}, files);
  assert.match(error.message, /^large\.bin has 99,999 bytes, more than the capacity of [\d,]+\.$/);
  assert.match(error.hint, /^The cover needs at least \d+ such frames\.$/);
});
