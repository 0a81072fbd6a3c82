/** Files and texts in JPEGs that stay JPEGs, on the page. The files come from tests/demo/test_jpeg_page.py. */

import assert from "node:assert/strict";

import { bytes, exchange, visitingTests } from "./open.js";

const visiting = visitingTests();
const kind = ({ page }) => page.locator("#hide .send [name=hide-format]:checked").inputValue();

for (const name of ["baseline", "progressive", "grey", "fine"]) {
  visiting(`a ${name} JPEG of the command line opens, and one is made that it opens`, async (visitor) => {
    await visitor.reveal(exchange(`${name}.python.jpg`), { key: exchange("key") });
    assert.match(await visitor.badge(), /Unaltered/);
    assert.equal(await visitor.saveName("reveal"), "note.bin");
    assert.deepEqual(await visitor.saved("reveal"), await bytes("note.bin"));

    await visitor.tab("Hide");
    await visitor.give("cover", exchange(`${name}.jpeg`));
    await visitor.give("secret", exchange("note.bin"));
    await visitor.page.locator("#hide .forecast").getByText(/^(Hard|Not hard|Easy) to find\. Capacity: about [\d.]+ kB, .* hard to find\. .*byte for byte/).waitFor();
    const anew = /since changes at its quality, 99 or 100, are easy to find: it becomes a JPEG made anew; use one that was saved at 98 or less, .*\.$/;
    assert.deepEqual((await visitor.forewarned()).map((line) => anew.test(line)), name === "fine" ? [true] : []);
    await visitor.useKeyFile("hide", exchange("key"));
    await visitor.finish("hide");
    assert.equal(await visitor.saveName("hide"), `${name}.jpg`);
    assert.match(await visitor.page.locator("#hide .result").innerText(), name === "fine" ? /saved at 95 first/ : /byte for byte/);
    await visitor.saved("hide", exchange(`${name}.page.jpg`));
  });
}

visiting("a text is revealed here, and a JPEG stays one", async (visitor) => {
  await visitor.give("cover", exchange("baseline.jpeg"));
  assert.equal(await kind(visitor), ".jpg");
  await visitor.type("Grüße");
  await visitor.usePassphrase("hide");
  await visitor.finish("hide");
  await visitor.revealHere();
  assert.equal(await visitor.page.locator("#reveal .message").innerText(), "Grüße");
  await visitor.tab("Hide");
  await visitor.give("cover", exchange("cover.png"));
  assert.equal(await visitor.page.getByText("The JPEG itself").isVisible(), false);
});

visiting("where a JPEG was taken is said before, and left out unless it is to stay", async (visitor) => {
  const { page } = visitor;
  const leave = page.getByLabel("Leave out where it was taken");
  assert.equal(await leave.isVisible(), false, "the examples say nothing");
  await visitor.give("cover", exchange("baseline.jpeg"));
  await visitor.type("a note");
  await visitor.useKeyFile("hide", exchange("key"));
  assert.ok(await leave.isChecked());
  await visitor.forecast();
  assert.deepEqual(await visitor.forewarned(), []);
  await visitor.give("cover", exchange("placed.jpeg"));
  await visitor.forecast();
  const left = "The cover says where it was taken. Its container will not: its metadata is left out.";
  assert.equal((await visitor.forewarned()).at(0), left);
  await visitor.finish("hide");
  await visitor.saved("hide", exchange("placed.left.jpg"));
  await leave.setChecked(false);
  await visitor.forecast();
  assert.match((await visitor.forewarned()).at(0), /says where it was taken, and its container will, too/);
  await visitor.finish("hide");
  await visitor.saved("hide", exchange("placed.kept.jpg"));
});

visiting("a cover’s lossy past and what is hard to find are told before, and after", async (visitor) => {
  const detection = () => visitor.page.locator("#hide .result .verdict").innerText();
  const betrayed = (what) => `The cover is ${what}: anyone can tell that something is hidden. `;
  await visitor.give("cover", exchange("baseline.jpeg"));
  await visitor.type("Grüße");
  await visitor.useKeyFile("hide", exchange("key"));
  const [, hard] = (await visitor.forecast()).match(/^Hard to find, if baseline\.jpeg is as its camera saved it\. Capacity: about [\d.]+ kB, at most (\d+) bytes of it hard to find\. The secret/);
  assert.deepEqual(await visitor.forewarned(), []);
  await visitor.finish("hide");
  assert.equal(await detection(), `Hard to find, if baseline.jpeg is as its camera saved it (7 of at most ${hard} bytes).`);

  await visitor.type("x".repeat(Number(hard) + 1));
  await visitor.finish("hide");
  assert.equal(await detection(), `Detectors may find it (${Number(hard) + 1} bytes; at most ${hard} would be hard to find).`);
  await visitor.onlySafely(true);
  assert.match(await visitor.forecast(), /The secret is too large/);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), new RegExp(`has ${Number(hard) + 1} bytes, but at most ${hard} bytes are hard to find`));

  await visitor.onlySafely(false);
  await visitor.page.locator("#hide .send").getByText("PNG file", { exact: true }).click();
  assert.match(await visitor.forecast(), /, all of it easy to find\. The secret fits/);
  assert.deepEqual(await visitor.forewarned(), [`${betrayed("a JPEG")}Let it stay a JPEG, or reduce it to half its sides and save it without loss.`]);
  await visitor.finish("hide");
  assert.equal(await detection(), "Easy to find.");

  await visitor.give("cover", exchange("copy.png"));
  assert.match(await visitor.forecast(), /, all of it easy to find\. The secret fits/);
  const copy = betrayed("a copy of one that was saved with loss");
  assert.deepEqual(await visitor.forewarned(), [`${copy}Reduce it to half its sides first, and save it without loss.`]);
  await visitor.give("cover", exchange("cover.png"));
  assert.match(await visitor.forecast(), /^(Hard to find, if cover\.png never was a JPEG or a film|Not hard to find)\. Capacity: about [\d.]+ kB, at most [\d.]+ kB of it hard to find\. The secret/);
  assert.deepEqual(await visitor.forewarned(), []);
  await visitor.give("secret", exchange("copy.png")); // which the network would hide, and is found by it
  await visitor.onlySafely(true);
  assert.match(await visitor.forecast(), /\. The secret is too large\./);
});

visiting("a JPEG that can’t stay one is told, and so is too large a file", async (visitor) => {
  const forecast = visitor.page.locator("#hide .forecast");
  await visitor.give("cover", exchange("cmyk.jpg"));
  await visitor.type("Grüße");
  await forecast.getByText(/^The JPEG is CMYK, and can’t stay as it is\. Choose a PNG file as the container/).waitFor();
  await visitor.usePassphrase("hide");
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^The JPEG is CMYK, and can’t stay as it is\. Choose a PNG file/);
  await visitor.page.locator("#hide .send").getByText("PNG file", { exact: true }).click();
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "cmyk.png");

  await visitor.page.locator("#hide .send").getByText("The JPEG itself").click();
  await visitor.give("cover", exchange("grey.jpeg"));
  await visitor.give("secret", { name: "large.bin", mimeType: "", buffer: Buffer.alloc(1 << 20) });
  await forecast.getByText(/^Capacity: about [\d.]+ kB, .*\. The secret is too large\. Use a larger JPEG, or a PNG file\.$/).waitFor();
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /large\.bin has 1,048,576 bytes, more than the capacity of .*PNG file/);
});
