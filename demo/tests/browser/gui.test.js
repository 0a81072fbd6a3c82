/** The page of `stegnet gui`, with the program behind it. Films and the address come from tests/demo/test_gui.py. */

import assert from "node:assert/strict";

import { bytes, exchange, visitingTests } from "./open.js";

const visiting = visitingTests({ address: process.env.STEGNET_GUI });

visiting("a film with its sound is hidden in a film, and recovered", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", exchange("cover.mp4"));
  await visitor.give("secret", exchange("secret.mp4"));
  await visitor.forecast();
  const unfit = /^cover\.mp4: its own H\.264 can't be used: .*\. Write it without loss, about [\d.]+ [kM]B, [\d.]+ times the cover\.$/;
  assert.match((await visitor.forewarned()).join(), unfit);
  assert.equal(await page.getByLabel("Only as much as is hard to find").isVisible(), false);
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /own H\.264.* or write it without loss, about [\d.]+ [kM]B, [\d.]+ times the cover\.$/);
  await page.getByRole("button", { name: "Make the larger file" }).click();
  await visitor.result("hide");
  assert.match(await page.locator("#hide .verdict").innerText(), /^Easy to find: the cover is a film in YCbCr \(h264\)/);
  assert.deepEqual(await visitor.notices("hide"), []);
  for (const name of ["the cover", "the container"]) {
    assert.ok(await page.getByAltText(name).evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  }
  await visitor.saved("hide", exchange("from_gui.mkv"));

  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
  assert.equal(await visitor.saveName("reveal"), "secret.mp4");
  assert.deepEqual(await visitor.saved("reveal"), await bytes("secret.mp4"));
  const film = page.locator("#reveal .result video");
  assert.ok(await film.evaluate((video) => video.readyState > 0 || new Promise((loaded) => (video.onloadeddata = loaded))));
});

visiting("a container of the command line opens", async (visitor) => {
  await visitor.reveal(exchange("from_program.mkv"), { key: exchange("key") });
  assert.deepEqual(await visitor.saved("reveal"), await bytes("secret.mp4"));
});

visiting("a sound stays one, and is sent as a file", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", exchange("song.flac"));
  await visitor.give("secret", exchange("key"));
  await visitor.forecast();
  assert.equal(await page.locator("#hide .send legend:visible, #hide .send .segments:visible").count(), 0);
  assert.match(await page.locator("#hide .send").innerText(), /not being encoded as MP3, AAC or Opus/);
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "song.flac");
  await visitor.revealHere();
  assert.deepEqual(await visitor.saved("reveal"), await bytes("key"));
});

visiting("what is told late of an earlier cover is not shown", async (visitor) => {
  const { page } = visitor;
  const told = (name) => page.locator('#hide .send .forecast[aria-busy="false"]', { hasText: name }).waitFor();
  await visitor.give("secret", exchange("key"));
  await told("if day.webp");
  const held = new Promise((resolve) => page.route("**/capacity", resolve, { times: 1 }));
  await visitor.give("cover", exchange("portrait.png"));
  const late = await held;
  await visitor.give("cover", exchange("still.png"));
  await told("if still.png");
  const [answer] = await Promise.all([page.waitForResponse("**/capacity"), late.continue()]);
  await answer.finished();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
  assert.match(await visitor.forecast(), /if still\.png/);
});

visiting("a weak passphrase is told, and a wrong one opens nothing", async (visitor) => {
  const { page } = visitor;
  await visitor.usePassphrase("hide");
  await visitor.finish("hide");
  assert.match((await visitor.notices("hide")).join(), /The passphrase is weak/);
  await visitor.revealHere();
  await visitor.usePassphrase("reveal", "another");
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), /nothing here opens with this key\. The passphrase may be mistyped/);
});

visiting("the capacity and a weak passphrase are told before anything is hidden", async (visitor) => {
  const { page } = visitor;
  await visitor.give("secret", { name: "small.bin", mimeType: "", buffer: Buffer.alloc(1 << 10) });
  const forecast = page.locator("#hide .send .forecast");
  await forecast.getByText(/^Hard to find, if day\.webp never was a JPEG or a film\. Capacity: about .*\. The secret fits as it is, byte for byte\.$/).waitFor();
  const offered = () => page.locator("#hide .send .segments:visible label:not([hidden]) input").evaluateAll((all) => all.map(({ value }) => value));
  assert.deepEqual(await offered(), ["file", "messenger", "website", "channel"]);
  await page.locator("#hide .send").getByRole("button", { name: "more" }).click();
  assert.deepEqual(await offered(), ["file", "messenger", "website", "resize", "channel"]);
  await visitor.sendTo("website");
  await forecast.getByText(/^Easy to find\. Capacity: about .* kB\. /).waitFor();
  await visitor.usePassphrase("hide");
  await page.getByText(/^The passphrase is weak: a thousand processor cores guess it in /).waitFor();
  await page.getByRole("button", { name: "Generate a passphrase" }).click();
  await page.getByText(/^77 random bits: /).waitFor();
  assert.match(await page.locator("#hide-key-passphrase").inputValue(), /^[a-z]+(-[a-z]+){5,}$/);
  await visitor.give("cover", exchange("cover.mp4"));
  assert.equal(await visitor.forecast(), "", "its own H.264 can't be used");
  assert.deepEqual(await offered(), ["file", "messenger", "website"]);
  await visitor.give("cover", exchange("unplayable.mp4"));
  assert.match(await visitor.forecast(), /^Easy to find\. Capacity: about .* kB, all of it easy to find\. .* The container gets about [\d.]+ [kM]B, [\d.]+ times the cover\.$/);
});

visiting("a JPEG stays one, unless a PNG file is wanted", async (visitor) => {
  const { page } = visitor;
  const forecast = page.locator("#hide .send .forecast");
  await visitor.give("cover", exchange("photo.jpeg"));
  await visitor.give("secret", exchange("photo.jpeg"));
  await forecast.getByText(/^Not hard to find\. Capacity: about [\d.]+ kB, at most [\d.]+ (kB|bytes) of it hard to find\. A copy of the secret is hidden, if that fits/).waitFor();
  assert.deepEqual(await visitor.forewarned(), []);
  await visitor.type("Grüße");
  await forecast.getByText(/^Hard to find, if photo\.jpeg is as its camera saved it\. Capacity: about [\d.]+ kB, at most [\d.]+ (kB|bytes) of it hard to find\. The secret fits as/).waitFor();
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "photo.jpg");
  await visitor.saved("hide", exchange("from_gui.jpg"));
  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
  assert.equal(await page.locator("#reveal .message").innerText(), "Grüße");

  await visitor.tab("Hide");
  await visitor.type("Grüße ".repeat(300));
  await visitor.onlySafely(true);
  await forecast.getByText(/The secret is too large/).waitFor();
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /message\.txt: has 2400 bytes, but at most \d+ bytes are hard to find in this cover/);
  await visitor.onlySafely(false);
  await page.locator("#hide .send").getByText("PNG file").click();
  await forecast.getByText(/^Easy to find\. Capacity: about [\d.]+ kB, all of it easy to find\. .*byte/).waitFor();
  const betrayed = "The cover is a JPEG: anyone can tell that something is hidden. Let it stay a JPEG, or reduce it to ";
  assert.deepEqual(await visitor.forewarned(), [`${betrayed}half its sides and save it without loss.`]);
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "photo.png");
});

visiting("a channel is learned, saved, chosen and hidden for", async (visitor) => {
  const { page } = visitor;
  const [send, channel] = [page.locator("#hide .send"), page.locator("#hide .channel")];
  const panelEnd = () => page.locator("#hide .panel").evaluate((panel) => panel.getBoundingClientRect().bottom);
  const described = () => channel.locator("dl").innerText();
  await page.setViewportSize({ width: 1280, height: 800 });
  await visitor.give("cover", exchange("phone.jpg"));
  await send.getByText("PNG file").click();
  await send.locator(".notice").waitFor();
  assert.ok((await panelEnd()) <= 800, `the form ends at ${await panelEnd()}`);
  assert.equal(await channel.isVisible(), false);

  await visitor.type("Meet me.");
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.sendTo("channel");
  assert.equal(await send.getByText("PNG file").isVisible(), false);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^There is no channel’s file\. Choose one, or learn it/);
  await page.getByRole("button", { name: "Learn it from pictures" }).click();
  await page.locator("#channel-sent").setInputFiles(exchange("phone.jpg"));
  await page.getByRole("button", { name: "Learn the channel" }).click();
  assert.equal(await channel.getByRole("alert").innerText(), "A picture is missing. Choose all three.");
  await page.locator("#channel-received").setInputFiles(exchange("received.jpg"));
  await page.locator("#channel-again").setInputFiles(exchange("again.jpg"));
  await page.getByRole("button", { name: "Learn the channel" }).click();
  await channel.getByText("Exact: what arrives of a picture of this size is computed to the bit.").waitFor();
  assert.equal(await page.locator("#channel-sent").isVisible(), false);
  const learned = await described();
  assert.match(learned, /^Size\s+Larger pictures are reduced, 640×480 to 384×288;/);
  await send.locator(".forecast").getByText(/^(Hard to find, if .* is as the app delivered it|Hard to find, if .* is as its camera saved it|Not hard to find)\. Capacity: about [\d.]+ kB, at most \d+ bytes of it hard to find\. .* byte for byte/).waitFor();
  await visitor.finish("hide");
  assert.equal(await page.getByRole("button", { name: "Reveal it here" }).count(), 0, "what arrives is revealed, not this");
  assert.equal(await visitor.saveName("hide"), "phone.jpg");
  await visitor.saved("hide", exchange("to_app1.jpg"));
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByText("Save app.channel").click()]);
  await saved.saveAs(exchange("my.channel"));

  await page.locator("#channel-file").setInputFiles(exchange("key"));
  const refused = "key: is not a channel's file. Learn the channel anew.";
  assert.equal(await channel.getByRole("alert").innerText(), refused);
  assert.equal(await page.locator("#hide .result").isVisible(), false, "it was hidden for another channel");
  await visitor.start("hide");
  assert.equal(await visitor.trouble("hide"), refused);
  await page.locator("#channel-file").setInputFiles(exchange("my.channel"));
  await channel.getByText(/^my\.channel\. Learn it again when the app changes/).waitFor();
  assert.equal(await described(), learned);
  await visitor.onlySafely(true);
  await visitor.finish("hide");
  await visitor.saved("hide", exchange("to_app2.jpg"));
  await visitor.give("cover", exchange("cover.mp4"));
  assert.equal(await channel.isVisible(), false, "films are sent elsewhere");
});

visiting("a portrait and its buttons are seen whole", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", exchange("portrait.png"));
  await visitor.give("secret", exchange("portrait.png"));
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  await assertSeen(page, '#hide .result a[download]', "#hide .result .compare");
  await page.locator("#hide .views").getByText("Difference").click();
  await assertSeen(page, "#hide .result a[download]", "#hide .result .stage-view img");
  await visitor.revealHere();
  await assertSeen(page, "#reveal .result img", "#reveal .result a[download]");
}, { reducedMotion: "reduce" });

/** Both are in the window without scrolling, one below the other. */
async function assertSeen(page, above, below) {
  const images = page.locator(".result:visible img");
  await images.evaluateAll((all) => Promise.all(all.map((image) => image.decode())));
  const [high, low] = await Promise.all([above, below].map((each) => page.locator(each).boundingBox()));
  assert.ok(high.y >= 0 && low.y >= high.y + high.height, "in this order");
  assert.ok(low.y + low.height <= page.viewportSize().height, `it ends at ${low.y + low.height}`);
}

visiting("of two covers, the one that was given last is used, whichever is read first", async (visitor) => {
  const { page } = visitor;
  await page.evaluate(() => {
    const decode = globalThis.createImageBitmap;
    const isRead = new Promise((resolve) => (globalThis.goOn = resolve));
    globalThis.createImageBitmap = async (source, ...how) => {
      if (source.name === "photo.jpeg") await isRead;
      return decode(source, ...how);
    };
  });
  await page.locator("#cover-file").setInputFiles(exchange("photo.jpeg"));
  await visitor.give("cover", exchange("portrait.png"));
  await page.evaluate(() => new Promise((seen) => goOn() ?? setTimeout(seen, 200)));
  assert.equal(await page.locator('[data-drop="cover"] .caption').innerText(), "600 × 900");
  await visitor.type("a note");
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "portrait.png");
});

visiting("an animation is a film, and becomes one", async (visitor) => {
  const caption = visitor.page.locator('[data-drop="cover"] .caption');
  for (const suffix of ["gif", "webp", "avif", "png"]) {
    await visitor.give("cover", exchange(`still.${suffix}`));
    assert.equal(await caption.innerText(), "160 × 120");
    await visitor.give("cover", exchange(`moving.${suffix}`));
    assert.equal(await caption.innerText(), "animation, 160 × 120");
  }
  await visitor.give("secret", exchange("key"));
  assert.match(await visitor.forecast(), /^Capacity: about [\d.]+ kB\. The secret fits as it is, byte for byte\./);
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "moving.mkv");
});

visiting("a folder, and several files at once, are refused where they are dropped", async (visitor) => {
  const [cover, secret] = ["cover", "secret"].map((zone) => `[data-drop="${zone}"] .zone`);
  await visitor.drop(secret, exchange("temporary"));
  assert.match(await visitor.troubleAt("secret"), /^The file can’t be read\. If it is a folder, choose a file in it/);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^There is no secret\./);
  await visitor.drop(cover, exchange("photo.jpeg"), exchange("portrait.png"));
  assert.match(await visitor.troubleAt("cover"), /^These are several files\. Drop one at a time\.$/);
  assert.equal(await visitor.page.locator('[data-drop="cover"] .caption').innerText(), "Example");
});

visiting("a program that is gone makes no passphrase", async (visitor) => {
  const { page, seen } = visitor;
  await page.route("**/words", (route) => route.abort());
  await page.getByRole("button", { name: "Generate a passphrase" }).click();
  await page.locator("#hide .key").getByText("The program does not answer.", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Copy the passphrase" }).isVisible(), false);
  assert.match(seen.errors.splice(0).join(), /^Failed to load resource/);
});

/** Cancels in the page, as soon as it counts frames: a fast program is done before a test on a slow machine looks. */
function cancelWhileHiding() {
  const form = document.getElementById("hide");
  return new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      if (!/Step 1 of 2: Hiding… \d+ of/.test(form.textContent)) return;
      observer.disconnect();
      [...form.querySelectorAll("button")].find((button) => button.textContent.trim() === "Cancel").click();
      resolve();
    }).observe(form, { subtree: true, childList: true, characterData: true });
  });
}

visiting("a job is cancelled", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", exchange("long.mp4"));
  await visitor.give("secret", exchange("key"));
  await visitor.useKeyFile("hide", exchange("key"));
  const cancelled = page.evaluate(cancelWhileHiding);
  await visitor.start("hide");
  await cancelled;
  await page.locator('#hide button[type="submit"]').waitFor();
  assert.equal(await page.locator("#hide .work [role=alert]").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.innerText), "Hide it", "the focus is not lost");
  await visitor.tab("Reveal");
  await visitor.give("container", exchange("from_program.mkv"));
  await visitor.useKeyFile("reveal", exchange("key"));
  await visitor.start("reveal"); // it has its turn, since the other job has ended
  await visitor.result("reveal");
});

visiting("the page ends the program", async (visitor) => {
  const { page } = visitor;
  await page.getByRole("button", { name: "Quit stegnet" }).click();
  await page.getByText("The program has ended: you can close this page.").waitFor();
});
