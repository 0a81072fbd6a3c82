/** The page as one file, opened from a disk. Its path is STEGNET_PAGE; the other files come from tests/demo/test_one_page.py. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

import { bytes, exchange, PASSPHRASE, visitingTests } from "./open.js";

const inFirefox = Boolean(process.env.STEGNET_FIREFOX);
const visiting = visitingTests({ address: pathToFileURL(process.env.STEGNET_PAGE).href, inFirefox });
const NOTE = "note.bin";
const browser = inFirefox ? "firefox" : "chromium";

/** What a form's result saves. Under WebDriver BiDi, Firefox tells of no downloads: what the page makes is kept instead. */
async function saved(visitor, form) {
  if (!inFirefox) return visitor.saved(form);
  const letters = await visitor.page.locator(`#${form} .result a[download]`).evaluate(async ({ href }) => {
    const file = new Uint8Array(await window.made.get(href).arrayBuffer());
    return Array.from(file, (byte) => String.fromCharCode(byte)).join("");
  });
  return Uint8Array.from(letters, (letter) => letter.charCodeAt());
}

const keepMade = ({ page }) =>
  page.evaluate(() => {
    const [make, made] = [URL.createObjectURL, (window.made = new Map())];
    URL.createObjectURL = (blob) => {
      const address = make.call(URL, blob);
      made.set(address, blob);
      return address;
    };
  });

async function unlock(visitor, form, key) {
  if (key === "passphrase") await visitor.usePassphrase(form, PASSPHRASE);
  else await visitor.useKeyFile(form, exchange(key));
}

for (const [cover, key] of [
  ["cover.jpg", "my.key"],
  ["cover.png", "my.key"],
  ["phone.jpg", "passphrase"],
]) {
  visiting(`a file in ${cover}, hidden and revealed, by ${key}`, async (visitor) => {
    await keepMade(visitor);
    await visitor.give("cover", exchange(cover));
    await visitor.give("secret", exchange(NOTE));
    if (cover === "phone.jpg") assert.match((await visitor.forewarned()).join(), /says where it was taken.*left out/);
    await unlock(visitor, "hide", key);
    await visitor.finish("hide");
    await writeFile(exchange(`${browser}_${cover}`), await saved(visitor, "hide"));
    await visitor.revealHere();
    assert.match(await visitor.badge(), /Unaltered/);
    assert.deepEqual(await saved(visitor, "reveal"), await bytes(NOTE));
  });
}

for (const cover of ["cover.jpg", "cover.png"]) {
  visiting(`a file in ${cover} for a recipient, whose identity alone reveals it`, async (visitor) => {
    await keepMade(visitor);
    await visitor.give("cover", exchange(cover));
    await visitor.give("secret", exchange(NOTE));
    await visitor.useRecipient(await readFile(exchange("recipient"), "utf8"));
    await visitor.finish("hide");
    assert.equal(await visitor.page.getByRole("button", { name: "Reveal it here" }).count(), 0);
    await writeFile(exchange(`${browser}_for_${cover}`), await saved(visitor, "hide"));
  });
}

visiting("an identity that is made here, and what is hidden for it", async (visitor) => {
  await keepMade(visitor);
  await visitor.tab("Reveal");
  await visitor.page.locator("#reveal .key .segments").getByText("Key file").click();
  await visitor.page.getByRole("button", { name: "Make an identity" }).click();
  const recipient = await visitor.page.locator("#reveal .key .recipient").innerText();
  await visitor.tab("Hide");
  await visitor.give("cover", exchange("cover.jpg"));
  await visitor.give("secret", exchange(NOTE));
  await visitor.useRecipient(` ${recipient.slice(0, 30)}\n${recipient.slice(30)} `); // as mail wraps it
  await visitor.finish("hide");
  const container = { name: "holiday.jpg", mimeType: "image/jpeg", buffer: Buffer.from(await saved(visitor, "hide")) };
  await visitor.tab("Reveal");
  await visitor.give("container", container);
  await visitor.finish("reveal");
  assert.deepEqual(await saved(visitor, "reveal"), await bytes(NOTE));
});

for (const [cover, destination] of [
  ["cover.png", "messenger"],
  ["large.jpg", "messenger"],
  ["cover.jpg", "website"],
]) {
  visiting(`a file in ${cover}, sent to a ${destination}`, async (visitor) => {
    await keepMade(visitor);
    await visitor.give("cover", exchange(cover));
    await visitor.give("secret", exchange("note.txt"));
    await visitor.sendTo(destination);
    assert.match(await visitor.forecast(), /^Easy to find\. Capacity: about [\d.]+ (bytes|kB)\. The secret fits as it is, byte for byte\.$/);
    await visitor.useKeyFile("hide", exchange("my.key"));
    await visitor.finish("hide");
    assert.equal(await visitor.saveName("hide"), cover.replace(".png", ".jpg"));
    await writeFile(exchange(`${browser}_${destination}_${cover.replace(".png", ".jpg")}`), await saved(visitor, "hide"));
  });
}

visiting("what the program hid, byte for byte, also for a recipient", async (visitor) => {
  await keepMade(visitor);
  await visitor.tab("Reveal");
  for (const [container, key] of [
    ["by_key.jpg", "my.key"],
    ["by_key.png", "my.key"],
    ["by_passphrase.png", "passphrase"],
    ["for_recipient.jpg", "my.identity"],
    ["for_recipient.png", "my.identity"],
  ]) {
    await visitor.give("container", exchange(container));
    await unlock(visitor, "reveal", key);
    await visitor.finish("reveal");
    assert.match(await visitor.badge(), /Unaltered/, container);
    assert.deepEqual(await saved(visitor, "reveal"), await bytes(NOTE), container);
  }
});

visiting("what a messenger saved again: a file, and a picture", async (visitor) => {
  await keepMade(visitor);
  await visitor.tab("Reveal");
  await visitor.give("container", exchange("sent_file.jpg"));
  await visitor.useKeyFile("reveal", exchange("my.key"));
  await visitor.finish("reveal");
  assert.match(await visitor.badge(), /Complete/);
  assert.deepEqual(await saved(visitor, "reveal"), await bytes("note.txt"));
  await visitor.give("container", exchange("sent_picture.jpg"));
  await visitor.finish("reveal");
  assert.match(await visitor.badge(), /Complete/);
  await writeFile(exchange(`${browser}_revealed.png`), await saved(visitor, "reveal"));
});

visiting("what it can't do, a wrong key and broken files, each in a line", async (visitor) => {
  for (const [file, problem] of [
    ["film.mp4", /^film\.mp4 is a film, which this page does not open\. The program does\.$/],
    ["sound.wav", /^sound\.wav is a sound, which this page does not open\. The program does\.$/],
    ["broken.png", /^broken\.png is damaged or cut off\. Use a whole one: ask whoever sent it/],
    ["broken.jpg", /^broken\.jpg is damaged or cut off\. Use a whole one: ask whoever sent it/],
    ["note.bin", /^note\.bin is not a picture that this page can read\./],
  ]) {
    await visitor.tab("Reveal");
    await visitor.give("container", exchange(file));
    assert.match(await visitor.troubleAt("container"), problem);
    await visitor.tab("Hide");
    await visitor.give("cover", exchange(file));
    assert.match(await visitor.troubleAt("cover"), /film|sound|damaged|not a picture/);
  }
  await visitor.tab("Reveal");
  for (const [file, key, problem] of [
    ["by_key.jpg", "other.key", /^Nothing can be revealed: nothing here opens with this key\./],
    ["by_key.png", "my.identity", /^Nothing can be revealed: nothing here opens with this key\./],
    ["sent_file.jpg", "other.key", /^Nothing can be revealed: nothing here opens with this key\./],
    ["by_network.png", "my.key", /^A network hid this picture, and this page has none\. The program reveals it\.$/],
  ]) {
    await visitor.give("container", exchange(file));
    await visitor.useKeyFile("reveal", exchange(key));
    await visitor.start("reveal");
    assert.match(await visitor.trouble("reveal"), problem);
  }
  await visitor.tab("Hide");
  await visitor.give("cover", exchange("cover.jpg"));
  await visitor.give("secret", exchange("film.mp4"));
  await visitor.useKeyFile("hide", exchange("my.identity"));
  assert.match(await visitor.troubleWithKey("hide"), /^This is an identity, not a key file\. An identity only reveals/);
  await visitor.useKeyFile("hide", exchange("my.key"));
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^film\.mp4 has [\d,]+ bytes, more than the capacity of [\d,]+\./);
  await visitor.give("secret", exchange("secret.png"));
  await visitor.sendTo("messenger");
  assert.match(await visitor.forecast(), /The secret is too large\. Use a larger cover\.$/);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^secret\.png needs [\d,]+ bytes, more than .*; the program makes a copy that fits\.$/);
  const recipient = await readFile(exchange("recipient"), "utf8");
  await visitor.useRecipient(recipient);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^What is hidden for a recipient survives only as a file\. Choose “as a file”/);
  await visitor.sendTo("file");
  for (const [text, problem] of [
    ["", /^There is no recipient\. Paste the one/],
    ["Anna", /^This is not a recipient\. A recipient begins with stegnet1\./],
    [recipient.slice(0, -2), /^This is a recipient that was damaged or cut/],
    [await readFile(exchange("my.key"), "utf8"), /^This is a key, not a recipient\./],
    [await readFile(exchange("my.identity"), "utf8"), /^This is an identity, not a recipient\./],
  ]) {
    await visitor.useRecipient(text);
    await visitor.start("hide");
    assert.match(await visitor.trouble("hide"), problem);
  }
});

visiting("examples are in the file, and hidden and revealed at once", async (visitor) => {
  assert.deepEqual(await visitor.page.locator("#hide .caption").allInnerTexts(), ["Example", "Example"]);
  await visitor.useKeyFile("hide", exchange("my.key"));
  await visitor.start("hide");
  await visitor.result("hide");
  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
});

visiting("neither the page nor its worker can reach anybody", async (visitor) => {
  const tried = await visitor.page.evaluate(async () => {
    const reach = `fetch("http://127.0.0.1:9/").then(() => "reached", () => "blocked")`;
    const told = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => told.push(effectiveDirective));
    await fetch("http://127.0.0.1:9/").catch(() => {});
    const worker = new Worker(URL.createObjectURL(new Blob([`
      self.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => postMessage(effectiveDirective));
      ${reach};
    `])));
    told.push(await new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data))));
    return told;
  });
  assert.deepEqual(tried, ["connect-src", "connect-src"]);
  visitor.seen.errors.length = 0; // what the browser says of both
});
