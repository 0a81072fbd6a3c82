/** The page in Firefox. */

import assert from "node:assert/strict";

import { keyFile, keyText } from "../../../stegnet/gui/page/form/keytext.js";
import encodeQR from "../../../stegnet/gui/page/vendor/index.js";
import { writePng } from "../../src/png.js";
import { visitingTests } from "./open.js";

const KEY = Uint8Array.from({ length: 32 }, (_, at) => 7 * at);
const visiting = visitingTests({ inFirefox: true });

for (const [what, pngOrJpeg] of [
  ["a picture in a PNG file", null],
  ["a picture in a JPEG", "jpeg:75"],
]) {
  visiting(`${what}, hidden and revealed`, async (visitor) => {
    const { page } = visitor;
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    if (pngOrJpeg) await visitor.sendAs(pngOrJpeg);
    await visitor.usePassphrase("hide");
    await visitor.finish("hide");
    await visitor.revealHere();
    assert.match(await visitor.badge(), pngOrJpeg ? /Complete/ : /Unaltered/);
  });
}

visiting("a text, with a key file and its QR code", async (visitor) => {
  const { page } = visitor;
  await visitor.type("a note");
  await visitor.useKeyFile("hide", { name: "my.key", mimeType: "text/plain", buffer: Buffer.from(keyFile(KEY)) });
  await page.locator("#hide .key").getByText("my.key").waitFor();
  await visitor.finish("hide");
  await visitor.revealHere();
  await visitor.useKeyFile("reveal", { name: "code.png", mimeType: "image/png", buffer: await picture(keyText(KEY)) });
  await page.locator("#reveal .key").getByText("code.png").waitFor();
  await visitor.finish("reveal");
  assert.equal(await page.locator("#reveal .message").innerText(), "a note");
});

/** A PNG file of a text's QR code. */
async function picture(text) {
  const rows = encodeQR(text, "raw", { border: 4, scale: 5 });
  const data = Uint8Array.from(rows.flatMap((row) => row.flatMap((dark) => Array(3).fill(dark ? 0 : 255))));
  return Buffer.from(await writePng({ width: rows.length, height: rows.length, data }));
}
