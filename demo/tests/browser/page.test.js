/** The page as visitors use it. The pictures and keys come from tests/demo/test_demo.py. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { isGrey, psnr } from "../../../stegnet/gui/browser/picture.js";
import { readPng } from "../../../stegnet/gui/browser/png.js";
import { writePng } from "../png.js";
import { bytes, exchange, open, readPicture, SMALL, visitingTests } from "./open.js";

const NOTHING = /Nothing can be revealed: nothing here opens with this key\..*(The key is a different one|The passphrase may be mistyped)/s;
const UNUSABLE = /Don’t send this: the revealed secret would be unusable \(\d\d\.\d of 255 levels off\)/;
const { width: WIDTH, height: HEIGHT } = await readPicture(exchange("cover.png"));
const SIZE = `${WIDTH} × ${HEIGHT}`;
const visiting = visitingTests();

const png = (buffer, name = "container.png") => ({ name, mimeType: "image/png", buffer: Buffer.from(buffer) });

/** Random samples; the stronger, the further from mid-grey, up to 1. */
async function noise({ width = WIDTH, height = HEIGHT, strength = 1 } = {}) {
  let state = 1;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 128 + strength * ((state >>> 24) - 128);
  });
  return png(writePng({ width, height, data }), "noise.png");
}

/** Pixels of one colour: in a grey cover, which stays grey, no picture is hidden. */
const coloured = (pixels) => new Uint8Array(pixels * 3).map((_, at) => [99, 120, 80][at % 3]);

visiting("containers hidden with a key file open in Python and here", async (visitor) => {
  assert.equal(await visitor.page.evaluate(() => crossOriginIsolated), true, "threads");
  await visitor.give("cover", exchange("cover.png"));
  await visitor.give("secret", exchange("secret.png"));
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.deepEqual(await visitor.notices("hide"), []);
  const file = await visitor.saved("hide", exchange("from_page.png"));
  assert.ok(psnr(await readPng(file), await readPicture(exchange("cover.png"))) > 33);

  await visitor.reveal(png(file), { key: exchange("key") });
  assert.match(await visitor.badge(), /Unaltered/);
  const revealed = await readPng(await visitor.saved("reveal"));
  assert.ok(psnr(revealed, await readPicture(exchange("secret.png"))) > 30);
});

visiting(
  "a container that Python hid with a passphrase opens, even without threads",
  async (visitor) => {
    assert.equal(await visitor.page.evaluate(() => crossOriginIsolated), false);
    await visitor.reveal(exchange("from_python.png"));
    const revealed = await readPng(await visitor.saved("reveal", exchange("revealed_by_page.png")));
    assert.ok(psnr(revealed, await readPicture(exchange("secret.png"))) > 30);
  },
  { isolated: false },
);

visiting("a file that Python hid is recovered byte for byte, and a picture is shown", async (visitor) => {
  await visitor.reveal(exchange("with_file.png"), { key: exchange("key") });
  const shown = visitor.page.getByAltText("the hidden picture");
  await shown.scrollIntoViewIfNeeded();
  assert.ok(await shown.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  assert.equal(await visitor.saveName("reveal"), "a night.webp");
  assert.deepEqual(await visitor.saved("reveal"), await bytes("a night.webp"));
});

visiting("a grey cover stays grey, whatever is hidden in it, and a palette is refused", async (visitor) => {
  await visitor.give("cover", exchange("grey.png"));
  await visitor.give("secret", exchange("small.png")); // which the network would hide in colours
  assert.match(await visitor.forecast(), /Capacity: about [\d.]+ kB, all of it easy to find\. The secret fits as it is/);
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  const file = await visitor.saved("hide", exchange("grey_from_page.png"));
  assert.ok(isGrey(await readPng(file)));
  const again = await visitor.page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, [...file]);
  assert.deepEqual([...file], again, "the form of a canvas");

  await visitor.give("cover", exchange("palette.png"));
  assert.match(await visitor.troubleAt("cover"), /palette\.png has a palette.*Use a photograph/s);

  await visitor.reveal(exchange("grey_with_file.png"), { key: exchange("key") });
  assert.equal(new TextDecoder().decode(await visitor.saved("reveal")), "a note");
});

visiting("JPEGs that Python hid in open, saved again and reduced, but not with another key", async (visitor) => {
  for (const name of ["robust_from_python.jpg", "robust_resaved.jpg"]) {
    await visitor.reveal(exchange(name), { key: exchange("key") });
    assert.match(await visitor.badge(), /Complete/);
    const revealed = await readPng(await visitor.saved("reveal"));
    assert.ok(psnr(revealed, await readPicture(exchange("secret.png"))) > 22);
  }
  for (const name of ["robust_with_file.jpg", "robust_for_resizing.jpg", "robust_enlarged.jpg", "robust_resized.jpg"]) {
    await visitor.reveal(exchange(name), { key: exchange("key") });
    assert.match(await visitor.badge(), /Complete/);
    assert.equal(await visitor.saveName("reveal"), "note.txt");
    assert.equal(new TextDecoder().decode(await visitor.saved("reveal")), "a note");
  }
  await visitor.useKeyFile("reveal", exchange("other.key"));
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), NOTHING);
});

visiting("a JPEG hidden here survives JPEG 75, here and in Python", async (visitor) => {
  await visitor.give("cover", exchange("cover.png"));
  await visitor.give("secret", exchange("secret.png"));
  const fits = [];
  for (const destination of ["messenger", "website"]) {
    await visitor.sendTo(destination);
    const forecast = await visitor.forecast();
    const [, capacity] = forecast.match(
      /^Easy to find\. Capacity: about ([\d,]+) bytes\. A compressed copy of the secret is hidden, if that fits\.$/,
    );
    fits.push(Number(capacity.replace(",", "")));
  }
  assert.ok(fits[0] > 200 && fits[1] > fits[0], fits.join("; "));
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  assert.deepEqual(await visitor.notices("hide"), []);
  assert.match(
    await visitor.page.locator("#hide .result").innerText(),
    /The container survives being saved again as JPEG 75 or better, but not being reduced or cropped\./,
  );
  const file = await visitor.saved("hide", exchange("robust_from_page.jpg"));
  assert.deepEqual([...file.subarray(0, 4)], [0xff, 0xd8, 0xff, 0xe0]);

  const again = await savedAgain(visitor.page, file, 0.75);
  await visitor.tab("Reveal");
  await visitor.useKeyFile("reveal", exchange("key"));
  for (const bytes of [file, again]) {
    await visitor.give("container", { name: "holiday.jpg", mimeType: "image/jpeg", buffer: Buffer.from(bytes) });
    await visitor.finish("reveal");
    const revealed = await readPng(await visitor.saved("reveal"));
    assert.ok(psnr(revealed, await readPicture(exchange("secret.png"))) > 22);
  }
});

/** A picture that the browser itself saves as JPEG. */
async function savedAgain(page, bytes, quality) {
  const saved = await page.evaluate(
    async ([data, how]) => {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(data)]));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: how });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    [[...bytes], quality],
  );
  return Uint8Array.from(saved);
}

visiting("a JPEG that survives another stays its own", async (visitor) => {
  await visitor.give("cover", exchange("cover.jpg"));
  await visitor.give("secret", exchange("note.txt"));
  await visitor.sendTo("website");
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide");
  await visitor.saved("hide", exchange("own_jpeg_from_page.jpg"));
});

visiting("a small file survives messengers, a large one is refused", async (visitor) => {
  await visitor.give("cover", SMALL);
  await visitor.useKeyFile("hide", exchange("key"));
  const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
  await visitor.give("secret", file("note.txt", "a note"));
  await visitor.sendTo("messenger");
  assert.match(await visitor.forecast(), /The secret fits as it is, byte for byte/);
  await visitor.finish("hide");
  assert.equal(await visitor.saveName("hide"), "small.jpg");
  await visitor.revealHere();
  assert.equal(new TextDecoder().decode(await visitor.saved("reveal")), "a note");

  await visitor.tab("Hide");
  await visitor.give("secret", file("large.txt", "x".repeat(5000)));
  assert.match(await visitor.forecast(), /The secret is too large/);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /large\.txt needs 5,014 bytes, more than the capacity of \d+/);
});

visiting("a poor secret raises a warning, and an unusable one takes one more click", async (visitor) => {
  const { page } = visitor;
  const [save, anyway] = ["Download the container", "Download it anyway"].map((text) => page.getByText(text));
  await visitor.useKeyFile("hide", exchange("key"));
  for (const [cover, secret, told, ...reasons] of [
    [noise(), noise({ strength: 0.3 }), /The revealed secret will be visibly degraded \(\d+\.\d of 255 levels off\)\./, /need more capacity/],
    [exchange("cover.png"), noise(), UNUSABLE, /need more capacity/],
    [
      exchange("cover.png"),
      noise({ width: 2 * WIDTH, height: 2 * HEIGHT }),
      UNUSABLE,
      new RegExp(`At ${2 * WIDTH}\\s×\\s${2 * HEIGHT} it must be shrunk to fit into the cover’s ${WIDTH}\\s×\\s${HEIGHT}`),
    ],
  ]) {
    await visitor.give("cover", await cover);
    await visitor.give("secret", await secret);
    await visitor.finish("hide");
    const [notice, ...more] = await visitor.notices("hide");
    for (const wanted of [told, ...reasons]) assert.match(notice, wanted);
    assert.deepEqual(more, [], "none of a noisy cover");
    assert.equal(await save.isVisible(), told !== UNUSABLE);
    if (told === UNUSABLE) await anyway.click();
    assert.ok(await save.isVisible());
  }
});

visiting("a result goes with what it was made of, and so does trouble", async (visitor) => {
  const { page } = visitor;
  const isShown = () => page.locator("#hide .result").isVisible();
  const changes = [
    () => visitor.give("cover", exchange("cover.png")),
    () => visitor.type("a note"),
    () => page.locator("#secret-text").fill("another"),
    () => page.getByRole("button", { name: "Make a new one" }).click(),
    () => visitor.usePassphrase("hide"),
    () => page.getByRole("button", { name: "Generate a passphrase" }).click(),
    () => visitor.sendTo("website"),
  ];
  await visitor.give("cover", SMALL);
  await visitor.type("note");
  await visitor.useKeyFile("hide", exchange("key"));
  for (const change of changes) {
    await visitor.finish("hide");
    await page.locator("#hide .views").getByText("Difference").click();
    assert.ok(await isShown());
    await change();
    await page.locator("#hide .result").waitFor({ state: "hidden" });
  }
  await visitor.usePassphrase("hide", "");
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /^There is no passphrase\. Type a passphrase, or choose a key file\.$/);
  await visitor.usePassphrase("hide");
  assert.equal(await page.locator('#hide .work [role="alert"]').count(), 0);
});

visiting("what fits is hidden byte for byte, a larger picture by the network, and either is told before", async (visitor) => {
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.finish("hide"); // the examples
  assert.match(await visitor.forecast(), /^Hard to find, if day\.webp never was a JPEG or a film\. Capacity: about [\d.]+ kB, at most 2\.4 kB of it hard to find\. The secret fits as it is, byte for byte\.$/);
  const figures = await visitor.page.locator("#hide .figures").innerText();
  assert.match(figures, /byte for byte/);
  assert.match(await visitor.page.locator("#hide .verdict").innerText(), /^Hard to find, if day\.webp never was a JPEG or a film \([\d,]+ of at most 2,4\d\d bytes\)\.$/);
  await visitor.revealHere();
  assert.equal(await visitor.saveName("reveal"), "night.avif");

  await visitor.tab("Hide");
  await visitor.give("cover", SMALL);
  await visitor.give("secret", exchange("small.png"));
  assert.match(await visitor.forecast(), /^(Hard|Not hard|Easy) to find\. Capacity: about [\d.]+ kB, .*byte for byte\.$/);
  await visitor.give("secret", exchange("secret.png"));
  assert.match(await visitor.forecast(), /^Easy to find\. Capacity: about [\d.]+ kB\. The secret is too large to be hidden byte for byte: a network /);
  await visitor.finish("hide");
  assert.equal(await visitor.page.locator("#hide .views").getByText("Inside").count(), 1);
});

visiting("an animation is no cover, and no copy of its first picture is hidden", async (visitor) => {
  await visitor.give("cover", exchange("moving.png"));
  assert.match(await visitor.troubleAt("cover"), /^moving\.png is an animation.*Use a picture\.$/s);
  await visitor.give("cover", SMALL);
  await visitor.give("secret", exchange("moving.png"));
  assert.match(await visitor.forecast(), /The secret is too large\. Use a larger cover\.$/);
});

visiting("that a transparent cover turns opaque is told before", async (visitor) => {
  const told = /^The cover is transparent, and its container will not be.*The program keeps it transparent\.$/s;
  await visitor.give("cover", exchange("transparent.png"));
  for (const destination of ["file", "website"]) {
    await visitor.sendTo(destination);
    await visitor.forecast();
    const [warning, ...more] = await visitor.forewarned();
    assert.match(warning, told);
    assert.deepEqual(more, []);
  }
  await visitor.give("cover", exchange("cover.png"));
  await visitor.forecast();
  assert.deepEqual(await visitor.forewarned(), []);
});

visiting("a container is named after its cover", async (visitor) => {
  const small = writePng({ width: 64, height: 48, data: coloured(64 * 48) });
  await visitor.type("a note");
  await visitor.useKeyFile("hide", exchange("key"));
  for (const [cover, name] of [
    ["IMG_0042.v2.jpg", "IMG_0042.v2.png"],
    [".png", "picture.png"],
  ]) {
    await visitor.give("cover", png(small, cover));
    await visitor.finish("hide");
    assert.equal(await visitor.saveName("hide"), name);
  }
});

visiting(
  "a generated passphrase has 80 random bits, is shown and can be copied",
  async (visitor) => {
    const { page } = visitor;
    const [field, note] = [page.locator("#hide-key-passphrase"), page.locator("#hide .key [role=status]").first()];
    assert.match(await note.innerText(), /try passphrases/);
    const generate = page.getByRole("button", { name: "Generate a passphrase" });
    const made = await generate.evaluate(async (button) => {
      const shown = [];
      while (shown.length < 60) {
        button.click();
        await new Promise((painted) => requestAnimationFrame(painted));
        shown.push(document.getElementById("hide-key-passphrase").value);
      }
      return shown;
    });
    for (const passphrase of made) assert.match(passphrase, /^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
    const seen = new Set(made);
    assert.equal(seen.size, 60);
    assert.equal(new Set([...seen].join("")).size, 33, "all 32 letters and digits, and the dash");
    assert.notEqual(await field.getAttribute("type"), "password");
    assert.match(await note.innerText(), /^80 random bits/);
    await page.getByRole("button", { name: "Copy the passphrase" }).click();
    await page.getByText("Copied.").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await field.inputValue());
    await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error("denied"))));
    await page.getByRole("button", { name: "Copy the passphrase" }).click();
    await page.getByText("won’t let the page copy").waitFor();
    await field.fill("typed");
    assert.match(await note.innerText(), /^Anyone/);
    await page.setViewportSize({ width: 390, height: 844 });
    await field.fill("mammogram-womanhood-amendment-undamaged-unmanaged-commodore"); // the widest words of the program
    assert.ok(await field.evaluate((node) => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight));
    assert.equal(await page.locator("#reveal").getByText("Generate a passphrase").count(), 0);
  },
  { permissions: ["clipboard-read", "clipboard-write"] },
);

visiting("example pictures are labelled as examples until replaced", async (visitor) => {
  const { page } = visitor;
  const [captions, buttons] = [page.locator("#hide .caption"), page.locator("#hide .drop label.button")];
  const note = page.getByText("These are examples, to try it with.");
  const ways = ["Choose your own", "Choose another"];
  assert.deepEqual(await captions.allInnerTexts(), ["Example", "Example"]);
  assert.deepEqual(await buttons.allInnerTexts(), [ways[0], ways[0]]);
  assert.ok(await note.isVisible());
  await visitor.give("secret", exchange("secret.png"));
  assert.deepEqual(await captions.allInnerTexts(), ["Example", SIZE]);
  assert.deepEqual(await buttons.allInnerTexts(), ways);
  assert.ok(await note.isVisible());
  await visitor.give("cover", exchange("cover.png"));
  assert.equal(await note.isVisible(), false);
});

visiting("a file dropped beside the zones does not replace the page", async (visitor) => {
  const { page } = visitor;
  const address = page.url();
  await visitor.drop("h1", exchange("cover.png"));
  assert.match(
    await visitor.strayed("hide"),
    /^cover\.png was dropped in the wrong place\. .*on the cover or the secret/,
  );
  await visitor.drop('[data-drop="secret"] .zone', exchange("cover.png"));
  await page.locator('[data-drop="secret"] .caption', { hasText: SIZE }).waitFor();
  assert.equal(await page.locator('#hide [role="alert"]').count(), 0);
  await visitor.tab("Reveal");
  await visitor.drop("footer", exchange("cover.png"));
  assert.match(await visitor.strayed("reveal"), /on the container\./);
  assert.equal(page.context().pages().length, 1);
  assert.equal(page.url(), address);
});

visiting("a wrong key, no key, and a picture that hides nothing give the right errors", async (visitor) => {
  await visitor.tab("Reveal");
  await visitor.give("container", exchange("from_python.png"));
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), /There is no passphrase/);
  await visitor.usePassphrase("reveal", "drei Käse");
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), NOTHING);
  await visitor.give("container", exchange("cover.png"));
  await visitor.useKeyFile("reveal", exchange("key"));
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), NOTHING);
  await visitor.useKeyFile("reveal", exchange("note.txt"));
  assert.match(await visitor.troubleWithKey("reveal"), /This is not a key file\. It begins with STEGNET-KEY-1\./);
  await visitor.start("reveal");
  assert.match(await visitor.trouble("reveal"), /There is no key file/);
  assert.equal(await visitor.page.locator("#reveal .result").isVisible(), false);
});

visiting("files that are not pictures, too large, damaged or too small are refused", async (visitor) => {
  const text = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
  await visitor.give("cover", text);
  assert.match(await visitor.troubleAt("cover"), /notes\.txt is not a picture/);
  await visitor.start("hide");
  assert.match(await visitor.trouble("hide"), /There is no cover/);
  const small = { width: 36, height: 36, data: coloured(36 * 36) };
  await visitor.give("cover", png(writePng(small)));
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.start("hide");
  await visitor.page.getByRole("button", { name: "Hide it all the same" }).click(); // the example
  await visitor.page.getByText("too small: 36 × 36").waitFor();

  await visitor.tab("Reveal");
  await visitor.give("container", text);
  assert.match(await visitor.troubleAt("container"), /notes\.txt is not a picture/);
  const large = { width: 4200, height: 3000, data: new Uint8Array(4200 * 3000 * 3) };
  await visitor.give("container", png(writePng(large)));
  assert.match(await visitor.troubleAt("container"), /too large: 4200 × 3000/);
  const whole = await readFile(exchange("from_python.png"));
  await visitor.give("container", png(whole.subarray(0, 30)));
  assert.match(await visitor.troubleAt("container"), /damaged or cut off/);
});

visiting("a picture above 12 megapixels is scaled down with a note", async (visitor) => {
  const large = { width: 4800, height: 3200, data: new Uint8Array(4800 * 3200 * 3) };
  await visitor.give("secret", png(writePng(large)));
  const caption = await visitor.page.locator('[data-drop="secret"] .caption').innerText();
  assert.match(caption, /^4344 × 2896, scaled down from 4800 × 3200: this page opens up to 12 megapixels/);
});

visiting("work is cancelled at once: the page does none of it itself", async (visitor) => {
  const { page } = visitor;
  const pattern = Uint8Array.from({ length: 2048 * 2048 * 3 }, (_, at) => 100 + ((at * 7919) % 97));
  await visitor.give("cover", png(writePng({ width: 2048, height: 2048, data: pattern })));
  await visitor.give("secret", await noise({ width: 1280, height: 1280 })); // for the network
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.start("hide");
  await page.getByText("Coding the secret…").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Hide it" }).waitFor();
  assert.equal(await page.locator("#hide .result").isVisible(), false);
});

visiting("a secret that is still being read is waited for", async (visitor) => {
  await visitor.useKeyFile("hide", exchange("key"));
  await visitor.page.evaluate(() => {
    const chosen = new DataTransfer();
    chosen.items.add(new File(["meet me at eight"], "note.bin"));
    const input = document.getElementById("secret-file");
    input.files = chosen.files;
    input.dispatchEvent(new Event("change"));
    document.querySelector("#hide form").requestSubmit();
  });
  await visitor.result("hide");
  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
});

visiting("pictures can be pasted", async (visitor) => {
  const { page } = visitor;
  await page.locator("#secret-file").focus();
  await page.evaluate((data) => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(data)], "some.png", { type: "image/png" }));
    const pasting = new Event("paste", { bubbles: true, cancelable: true });
    Object.defineProperty(pasting, "clipboardData", { value: files });
    document.querySelector('[data-drop="secret"]').dispatchEvent(pasting);
  }, [...(await readFile(exchange("cover.png")))]);
  await page.locator('[data-drop="secret"] .caption', { hasText: SIZE }).waitFor();
});

test("graphics card and processor reveal the same", async (context) => {
  const other = await open({ gpu: true });
  context.after(() => other.close());
  const visitor = await other.visit(other.isolated);
  assert.equal(await visitor.page.locator("#device-choice").inputValue(), "gpu");
  await visitor.tab("Reveal");
  await visitor.give("container", exchange("small_from_python.png"));
  await visitor.useKeyFile("reveal", exchange("key"));
  const revealed = [];
  for (const device of ["gpu", "cpu"]) {
    await visitor.page.locator("#device-choice").selectOption(device);
    await visitor.finish("reveal");
    revealed.push((await readPng(await visitor.saved("reveal"))).data);
  }
  const apart = revealed[0].reduce((most, sample, at) => Math.max(most, Math.abs(sample - revealed[1][at])), 0);
  assert.ok(apart <= 1, `${apart} levels apart`);

  assert.deepEqual(visitor.seen.errors, []);
});

test("neither the page nor its worker can reach another server", async (context) => {
  const site = await open();
  context.after(() => site.close());
  const visitor = await site.visit(site.isolated);
  const other = site.plain;
  const blocked = await visitor.page.evaluate(
    (url) =>
      fetch(url).then(
        () => "reached",
        () => "blocked",
      ),
    other,
  );
  assert.equal(blocked, "blocked");
  const inWorker = await visitor.page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const source = `fetch(${JSON.stringify(url)}).then(() => "reached", () => "blocked").then(postMessage);`;
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), {
          type: "module",
        });
        worker.onmessage = ({ data }) => resolve(data);
      }),
    other,
  );
  assert.equal(inWorker, "blocked");
  assert.ok(visitor.seen.errors.every((error) => error.includes("Content Security Policy")));
  await visitor.close();
});
