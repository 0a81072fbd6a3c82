/** Keys in the page: new ones, files, and QR codes in pictures and before the camera. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, test } from "node:test";

import { keyFile, keyText } from "../../../stegnet/gui/page/form/keytext.js";
import encodeQR from "../../../stegnet/gui/page/vendor/index.js";
import { open, SMALL, visitingTests } from "./open.js";

const KEY = Uint8Array.from({ length: 32 }, (_, at) => 7 * at);
const folder = await mkdtemp(`${tmpdir()}/stegnet-keys-`);
after(() => rm(folder, { recursive: true }));
const visiting = visitingTests();

const file = (name, bytes) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });

async function chooseKeyFile(visitor, form) {
  if (form === "reveal") await visitor.tab("Reveal");
  await visitor.page.locator(`#${form} .key .segments`).getByText("Key file").click();
}

/** A new key's file, as the page saves it. */
async function made({ page }) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Make a new one" }).click(),
  ]);
  return readFile(await download.path(), "utf8");
}

visiting("a new key file is saved as text, and no two are alike", async (visitor) => {
  await chooseKeyFile(visitor, "hide");
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /There is no key file/);
  const saved = [await made(visitor), await made(visitor)];
  for (const text of saved) assert.match(text, /^# stegnet key: .*\nSTEGNET-KEY-1[02-9AC-HJ-NP-Z]{58}\n$/);
  assert.notEqual(saved[0], saved[1]);
});

visiting("a picture of a new key's QR code is as good as its file", async (visitor) => {
  const { page } = visitor;
  await chooseKeyFile(visitor, "hide");
  const text = await made(visitor);
  await page.getByRole("button", { name: "Show its QR code" }).click();
  assert.ok(await page.getByText("Whoever sees this code has the key").isVisible());
  await page.evaluate(() => (document.body.style.zoom = "0.8"));
  const picture = await page.locator("#hide .code").screenshot({ type: "jpeg", quality: 60 });
  await page.getByRole("button", { name: "Hide the QR code" }).click();
  assert.equal(await page.locator("#hide .code canvas").count(), 0);

  await visitor.type("a note");
  await visitor.finish("hide");
  const container = await visitor.saved("hide");
  await chooseKeyFile(visitor, "reveal");
  await visitor.give("container", { name: "a.png", mimeType: "image/png", buffer: Buffer.from(container) });
  for (const key of [file("code.jpg", picture), file("stegnet.key", text)]) {
    await visitor.useKeyFile("reveal", key);
    await page.locator("#reveal .key").getByText(key.name).waitFor();
    await visitor.finish("reveal");
    assert.match(await visitor.badge(), /Unaltered/);
  }
});

visiting("what is no key is named at once", async (visitor) => {
  await chooseKeyFile(visitor, "reveal");
  const text = new TextDecoder().decode(keyFile(KEY));
  const examples = await readFile(new URL("../../../stegnet/gui/page/examples/day.webp", import.meta.url));
  for (const [name, bytes, problem] of [
    ["cut.key", text.slice(0, -9), /damaged or cut: its checksum is wrong/],
    ["notes.txt", "not a key at all", /This is not a key file/],
    ["empty.key", "", /empty, and so not a key file/],
    ["day.webp", examples, /no QR code in this picture/],
  ]) {
    await visitor.useKeyFile("reveal", file(name, bytes));
    await visitor.page.locator("#reveal .key .notice").getByText(problem).waitFor();
  }
  await visitor.useKeyFile("reveal", file("old.key", KEY));
  await visitor.page.getByText("old.key").waitFor();
  assert.equal(await visitor.page.locator("#reveal .key .notice").count(), 0);
});

visiting("a key's text is not taken for a passphrase", async (visitor) => {
  const comment = "# stegnet key: whoever has it can reveal what it hides";
  const recipient = "stegnet1qtvwsk7pgc0v8rtwfx8q3e4ehs2pu8skgvp3cl0uzq0ckyv9szfs0tqk5z";
  for (const text of [` ${keyText(KEY).toLowerCase()}`, comment, recipient, "-----BEGIN OPENSSH PRIVATE KEY-----"]) {
    for (const form of ["hide", "reveal"]) {
      await visitor.tab(form === "hide" ? "Hide" : "Reveal");
      if (form === "reveal") await visitor.give("container", SMALL);
      await visitor.usePassphrase(form, text);
      await visitor.start(form);
      assert.match(await visitor.trouble(form), /This is the text of a key, not a passphrase/);
    }
  }
});

visiting("a passphrase that nobody sees is asked for twice, and again to reveal", async (visitor) => {
  const { page } = visitor;
  await visitor.type("a note");
  const [first, again] = ["", "-again"].map((end) => page.locator(`#hide-key-passphrase${end}`));
  await first.fill("zwei Käse");
  await again.fill("zwei Kase");
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^The passphrases do not match\./);
  await page.getByRole("button", { name: "Show the passphrase" }).click();
  assert.equal(await again.isVisible(), false);
  await page.getByRole("button", { name: "Hide the passphrase" }).click();
  await visitor.give("cover", SMALL);
  await visitor.finish("hide"); // it was seen
  await page.getByRole("button", { name: "Reveal it here" }).click();
  await page.locator("#reveal-key-passphrase:focus").waitFor();
  assert.equal(await page.locator("#reveal-key-passphrase").inputValue(), "");
  assert.equal(await page.locator("#reveal-key-passphrase-again:visible").count(), 0);
});

visiting("a secret that is empty, or still the example, is asked about", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", SMALL);
  await visitor.usePassphrase("hide");
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^The secret is still the example\. Choose or type what you mean\./);
  await visitor.give("secret", { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) });
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^The secret is empty\./);
  await page.getByRole("button", { name: "Hide it all the same" }).click();
  await visitor.result("hide");
});

visiting("a wrong passphrase shows progress, and blanks or capitals are no other one", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", SMALL);
  await visitor.type("a note");
  await visitor.usePassphrase("hide", "panic-candy-gloomy-0h4x");
  await visitor.finish("hide");
  const buffer = Buffer.from(await visitor.saved("hide"));
  await visitor.reveal({ name: "a.png", mimeType: "image/png", buffer }, { passphrase: "Panic candy gloomy 0H4X" });
  assert.match(await visitor.badge(), /Unaltered/);
  await visitor.usePassphrase("reveal", "zwei Käse");
  await visitor.start("reveal");
  const shown = new Set();
  while (await page.locator("#reveal .progress").isVisible()) {
    if ((await page.locator("#reveal .stage").innerText()).startsWith("Trying the passphrase"))
      shown.add(await page.locator("#reveal progress").getAttribute("value"));
    await page.waitForTimeout(50);
  }
  assert.ok(shown.size >= 5, `${[...shown]}`);
  assert.match(await visitor.trouble("reveal"), /The passphrase may be mistyped \(capitals, hyphens, blanks\)/);
});

visiting("a refused camera is reported, and other ways are named", async (visitor) => {
  await chooseKeyFile(visitor, "reveal");
  await visitor.page.getByRole("button", { name: "Scan a QR code" }).click();
  assert.match(await visitor.troubleWithKey("reveal"), /camera.*(choose a picture of the code|Choose the key file)/is);
});

test("the camera reads a QR code, and stops when it has", async (context) => {
  const film = `${folder}/camera.y4m`;
  await writeFile(film, y4m(encodeQR(keyText(KEY), "raw", { border: 8 }), 640, 480));
  const camera = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`];
  const site = await open({ flags: camera });
  context.after(() => site.close());
  const visitor = await site.visit(site.isolated, { permissions: ["camera"] });
  await chooseKeyFile(visitor, "reveal");
  await visitor.page.getByRole("button", { name: "Scan a QR code" }).click();
  await visitor.page.getByText("The key of the scanned code.").waitFor();
  assert.equal(await visitor.page.locator("dialog").count(), 0);
  await visitor.page.getByRole("button", { name: "Show its QR code" }).click();
  assert.deepEqual(visitor.seen.errors, []);
});

/** A film of one frame (YUV4MPEG2) with a code in its middle. */
function y4m(rows, width, height) {
  const scale = Math.floor(height / rows.length);
  const luma = new Uint8Array(width * height).fill(200);
  for (let y = 0; y < scale * rows.length; y++)
    for (let x = 0; x < scale * rows.length; x++)
      luma[y * width + x + 80] = rows[Math.floor(y / scale)][Math.floor(x / scale)] ? 40 : 200;
  const head = `YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\nFRAME\n`;
  return Buffer.concat([Buffer.from(head), luma, Buffer.alloc((width * height) / 2, 128)]);
}
