/** Files and texts in JPEGs that stay JPEGs, on the page. The files come from tests/demo/test_jpeg_page.py. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { exchange, visitingTests } from "./open.js";

const visiting = visitingTests();
const bytes = async (name) => new Uint8Array(await readFile(exchange(name)));
const kind = ({ page }) => page.locator("#hide .send input:checked").first().inputValue();

for (const name of ["baseline", "progressive", "grey", "fine"]) {
  visiting(`a ${name} JPEG of the command line opens, and one is made that it opens`, async (visitor) => {
    await visitor.reveal(exchange(`${name}.python.jpg`), { key: exchange("key") });
    assert.match(await visitor.badge(), /Unaltered/);
    assert.equal(await visitor.saveName("reveal"), "note.bin");
    assert.deepEqual(await visitor.saved("reveal"), await bytes("note.bin"));

    await visitor.tab("Hide");
    await visitor.give("cover", exchange(`${name}.jpeg`));
    await visitor.give("secret", exchange("note.bin"));
    await visitor.page.locator("#hide .forecast").getByText(/^Room for about \d+ kB: .*byte for byte/).waitFor();
    await visitor.useKeyFile("hide", exchange("key"));
    await visitor.finish("hide");
    assert.equal(await visitor.saveName("hide"), `${name}.jpg`);
    assert.match(await visitor.page.locator("#hide .result").innerText(), name === "fine" ? /saved at 95 first/ : /byte for byte/);
    await visitor.saved("hide", exchange(`${name}.page.jpg`));
  });
}

visiting("a text is revealed here, and pictures go into a PNG file", async (visitor) => {
  await visitor.give("cover", exchange("baseline.jpeg"));
  assert.equal(await kind(visitor), "png");
  await visitor.type("Grüße");
  assert.equal(await kind(visitor), "itself");
  await visitor.usePassphrase("hide");
  await visitor.finish("hide");
  await visitor.revealHere();
  assert.equal(await visitor.page.locator("#reveal .message").innerText(), "Grüße");
  await visitor.tab("Hide");
  await visitor.give("cover", exchange("cover.png"));
  assert.equal(await kind(visitor), "png");
  assert.equal(await visitor.page.getByText("The JPEG itself").isVisible(), false);
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
  await forecast.getByText(/^Room for about \d+ kB: too little for this secret\. Use a larger JPEG, or a PNG file\.$/).waitFor();
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /large\.bin has 1,048,576 bytes, and there is room for .*PNG file/);
});
