/** The form with films. They come from tests/demo/test_demo_films.py. */

import assert from "node:assert/strict";

import { bytes, exchange, PASSPHRASE, visitingTests } from "./open.js";

const visiting = visitingTests();
const hideThenReveal = async (visitor) => {
  await visitor.finish("hide");
  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
};

visiting("a film cover hides a text and a picture; the container is an MKV film", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", exchange("plain.mp4"));
  assert.match(await page.locator('[data-drop="cover"] .caption').innerText(), /^film, \d+ × \d+, \d\.\d s, [\d.]+ kB$/);
  assert.equal(await page.locator("#hide .send .segments:visible").count(), 0);
  assert.match(await page.locator("#hide .send").innerText(), /The program also offers “to a messenger” and “to a website”\./);
  await visitor.type("a note");
  assert.match(
    await visitor.forecast(),
    /^Capacity: about .*\. The secret fits as it is, byte for byte\.$/,
  );
  const betrayed = "The cover is a film that was compressed with loss: anyone can tell that something is hidden. ";
  assert.deepEqual(await visitor.forewarned(), [`${betrayed}Reduce it to half its sides first, and save it without loss, in RGB.`]);
  await visitor.usePassphrase("hide", PASSPHRASE);
  await hideThenReveal(visitor);
  assert.equal(await visitor.saveName("hide"), "plain.mkv");
  assert.equal(await page.locator("#reveal .message").innerText(), "a note");

  await visitor.tab("Hide");
  await visitor.give("secret", { name: "a.bin", mimeType: "", buffer: Buffer.alloc(99_999) });
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /a\.bin has 99,999 bytes, more than the capacity of [\d,]+\. The cover needs at least/);
});

visiting("a film hidden in a picture is played when it is revealed", async (visitor) => {
  const { page } = visitor;
  await visitor.give("secret", exchange("plain.mp4"));
  await visitor.useKeyFile("hide", exchange("key"));
  await hideThenReveal(visitor);
  const film = page.getByLabel("the hidden film");
  await page.waitForFunction((video) => video.readyState >= 2 && video.videoWidth > 0, await film.elementHandle());
  assert.deepEqual(await visitor.saved("reveal"), await bytes("plain.mp4"));
});

visiting("damage of a film is listed", async (visitor) => {
  await visitor.reveal(exchange("altered.mkv"), { key: exchange("key") });
  assert.match(await visitor.badge(), /was altered after.*Frame 2 was altered/);
});

visiting("a film whose first frame the browser can't draw is taken all the same", async (visitor) => {
  await visitor.page.evaluate(() => {
    const real = window.createImageBitmap;
    window.createImageBitmap = async (source, ...options) => {
      if (source instanceof HTMLVideoElement) throw new DOMException("no current data", "InvalidStateError");
      return real(source, ...options);
    };
  });
  await visitor.give("cover", exchange("plain.mp4"));
  assert.match(await visitor.page.locator('[data-drop="cover"] .caption').innerText(), /^film, \d+ × \d+, /);
  assert.match(await visitor.page.locator('[data-drop="cover"]').innerText(), /plain\.mp4/);
});

visiting("a film that no browser plays is taken all the same", async (visitor) => {
  await visitor.give("cover", exchange("broadcast.ts"));
  assert.match(await visitor.page.locator('[data-drop="cover"] .caption').innerText(), /^film, [\d.]+ kB$/);
  await visitor.give("cover", { name: "a.mp3", mimeType: "audio/mpeg", buffer: Buffer.from("ID3 no picture") });
  assert.match(await visitor.troubleAt("cover"), /a\.mp3 is not a picture that this page can read/);
  await visitor.give("cover", { name: "a.flac", mimeType: "audio/flac", buffer: Buffer.from("fLaC and more") });
  assert.match(await visitor.troubleAt("cover"), /a\.flac is a sound, which this page does not open\. The program does\./);
});
