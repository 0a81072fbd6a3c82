/** The page in Firefox. */

import assert from "node:assert/strict";

import { keyText } from "../../../stegnet/gui/page/form/keytext.js";
import encodeQR from "../../../stegnet/gui/page/vendor/index.js";
import { writePng } from "../png.js";
import { KEY, SECRET, SMALL, visitingTests } from "./open.js";

const visiting = visitingTests({ inFirefox: true });

for (const [what, destination] of [
  ["a picture in a PNG file", "file"],
  ["a picture in a JPEG", "website"],
]) {
  visiting(`${what}, hidden and revealed`, async (visitor) => {
    const { page } = visitor;
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    for (const zone of ["cover", "secret"]) await visitor.give(zone, SMALL);
    await visitor.sendTo(destination);
    await visitor.useKeyFile("hide", KEY);
    await visitor.finish("hide");
    await visitor.revealHere();
    assert.match(await visitor.badge(), destination === "website" ? /Complete/ : /Unaltered/);
  });
}

visiting("a text, with a passphrase, then with a key file and its QR code", async (visitor) => {
  const { page } = visitor;
  await visitor.type("a note");
  await visitor.usePassphrase("hide");
  await visitor.finish("hide");
  await visitor.revealHere();
  await visitor.tab("Hide");
  await visitor.useKeyFile("hide", KEY);
  await visitor.finish("hide");
  await visitor.revealHere();
  await visitor.useKeyFile("reveal", { name: "code.png", mimeType: "image/png", buffer: await picture(keyText(SECRET)) });
  await page.locator("#reveal .key").getByText("code.png").waitFor();
  await visitor.finish("reveal");
  assert.equal(await page.locator("#reveal .message").innerText(), "a note");
});

/** A PNG file of a text's QR code. */
async function picture(text) {
  const rows = encodeQR(text, "raw", { border: 4, scale: 5 });
  const data = Uint8Array.from(rows.flatMap((row) => row.flatMap((dark) => Array(3).fill(dark ? 0 : 255))));
  return Buffer.from(writePng({ width: rows.length, height: rows.length, data }));
}
