/** The page for everybody: axe's rules in every state, the keyboard alone, and targets for fingers. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { PASSPHRASE, SMALL, visitingTests } from "./open.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TARGET = 44; // CSS pixels: WCAG 2.2, target size (enhanced)
const EXAMPLE = new URL("../../../stegnet/gui/page/examples/shapes.webp", import.meta.url).pathname;
const visiting = visitingTests({ flags: ["--use-fake-device-for-media-stream"] });

/** What axe finds in the page as it is. */
async function findings({ page }) {
  await page.evaluate(AXE); // by the debugger: the page's policy lets no other scripts in
  const found = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ")}`);
}

/** Nothing is found in either colour scheme. */
async function sound(visitor, state) {
  for (const colorScheme of ["dark", "light"]) {
    await visitor.page.emulateMedia({ colorScheme });
    assert.deepEqual(await findings(visitor), [], `${state}, ${colorScheme}`);
  }
}

visiting(
  "axe finds nothing in any state",
  async (visitor) => {
    const { page } = visitor;
    await sound(visitor, "start");
    await visitor.sendTo("messenger");
    await sound(visitor, "JPEG");
    await visitor.sendTo("file");
    await visitor.start("hide");
    await visitor.trouble("hide");
    await sound(visitor, "error");
    await page.locator("#hide .key .segments").getByText("Key file").click();
    await page.getByRole("button", { name: "Make a new one" }).click();
    await page.getByRole("button", { name: "Show its QR code" }).click();
    await sound(visitor, "QR code");
    await visitor.give("cover", SMALL);
    await visitor.give("secret", EXAMPLE); // too large for the cover, but for the network
    await visitor.start("hide");
    await page.locator("#hide progress").waitFor();
    await sound(visitor, "progress");
    await visitor.result("hide");
    for (const view of ["Compare", "Difference", "Inside"]) {
      await page.locator("#hide .views").getByText(view).click();
      await sound(visitor, view);
    }
    await visitor.revealHere();
    await sound(visitor, "revealed picture");
    await visitor.tab("Hide");
    await visitor.type("a note");
    await sound(visitor, "text");
    await visitor.finish("hide");
    await page.getByRole("button", { name: "Reveal it here" }).click();
    await page.locator("#reveal .message").waitFor();
    await sound(visitor, "revealed text");
    await page.locator("#reveal").getByRole("button", { name: "Scan a QR code" }).click();
    await page.locator("dialog video").waitFor();
    await sound(visitor, "camera");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
  },
  { reducedMotion: "reduce", permissions: ["camera"] },
);

visiting("a whole hide and reveal by keyboard, focus always visible", async (visitor) => {
  const { page } = visitor;
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.innerText);
  const goTo = async (wanted) => {
    for (let press = 0; press < 60; press++) {
      await keyboard.press("Tab");
      await assertVisibleFocus(page);
      if ((await focused()) === wanted) return;
    }
    assert.fail(`Tab never comes to ${wanted}`);
  };
  await goTo("tab-hide");
  await keyboard.press("ArrowRight");
  assert.equal(await focused(), "tab-reveal");
  assert.ok(await page.locator("#reveal").isVisible());
  await keyboard.press("ArrowLeft");
  await goTo("cover-file");
  await keyboard.press("Tab");
  await keyboard.press("Enter"); // the first example
  await page.locator('[data-drop="cover"]:not(.busy)').waitFor();
  await keyboard.press("Tab");
  await keyboard.press("Tab"); // the secret's kind
  await keyboard.press("ArrowRight");
  await page.locator("#secret-text").waitFor();
  if ((await focused()) !== "secret-text") await goTo("secret-text");
  await keyboard.type("a note");
  await goTo("hide-key-passphrase");
  await keyboard.type(PASSPHRASE);
  await goTo("hide-key-passphrase-again");
  await keyboard.type(PASSPHRASE);
  await keyboard.press("Enter");
  await visitor.result("hide");
  await goTo("Reveal it here");
  await keyboard.press("Tab"); // the views
  await keyboard.press("Tab");
  for (let press = 0; press < 10; press++) await keyboard.press("ArrowRight");
  const border = page.locator(".compare");
  assert.equal(await border.evaluate((frame) => frame.style.getPropertyValue("--at")), "60%");
  await keyboard.press("Shift+Tab");
  await keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Reveal it here");
  await keyboard.press("Enter");
  await page.locator("#reveal-key-passphrase:focus").waitFor();
  await keyboard.type(PASSPHRASE);
  await keyboard.press("Enter");
  await visitor.result("reveal");
  await goTo("Download the secret");
});

/** Something about the focused element, or what stands for it, must show the focus. */
async function assertVisibleFocus(page) {
  const shown = await page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body) return true;
    const parts = [element, element.nextElementSibling, element.parentElement].filter(Boolean);
    return parts.some((part) => getComputedStyle(part).outlineStyle !== "none") || element.outerHTML;
  });
  assert.equal(shown, true);
}

visiting("everything fits into a phone and a desktop, and what is pressed is large enough", async (visitor) => {
  const { page } = visitor;
  await visitor.give("cover", {
    name: `${"long".repeat(40)}.webp`,
    mimeType: "image/webp",
    buffer: await readFile(EXAMPLE),
  });
  await visitor.sendTo("messenger");
  await visitor.usePassphrase("hide");
  await fits(page, "#hide");
  await page.locator("#hide .key .segments").getByText("Key file").click();
  await page.getByRole("button", { name: "Make a new one" }).click();
  await visitor.sendTo("file");
  await visitor.start("hide");
  await page.getByRole("button", { name: "Hide it all the same" }).click(); // the example
  await visitor.result("hide");
  await fits(page, "#hide");
  await page.getByRole("button", { name: "Show its QR code" }).click();
  await fits(page, "#hide");
  await visitor.tab("Reveal");
  await fits(page, "#reveal");
});

visiting("a whole form is visible in a window of 1280 by 800 pixels, with a warning, too", async (visitor) => {
  const { page } = visitor;
  await page.setViewportSize({ width: 1280, height: 800 });
  const ends = async (form) => {
    const { y, height } = await page.locator(`${form} .panel`).boundingBox();
    assert.ok(y >= 0 && y + height <= 800, `${form} ends at ${y + height}`);
  };
  await ends("#hide");
  await visitor.give("cover", EXAMPLE); // a cover of one's own, which was saved with loss
  await page.locator("#hide .send .notice").waitFor();
  await ends("#hide");
  await visitor.type("a note");
  await page.locator("#hide .key .segments").getByText("Key file").click();
  await ends("#hide");
  await visitor.tab("Reveal");
  await ends("#reveal");
});

async function fits(page, form) {
  for (const width of [390, 640, 1200]) {
    await page.setViewportSize({ width, height: 844 });
    await fitsInto(page, width, form);
  }
}

async function fitsInto(page, width, form) {
  const right = (selector) =>
    page.locator(selector).evaluateAll((all) => Math.max(...all.map((one) => one.getBoundingClientRect().right)));
  const panel = await right(form);
  assert.ok(panel < width);
  for (const part of ["button", "input", "canvas", "p", "label", "select", "small"])
    assert.ok((await right(`${form} ${part}`)) < panel, part);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
  const targets = page.locator(
    "button:visible, select:visible, summary:visible, label.button:visible, .segments label:visible",
  );
  const small = await targets.evaluateAll(
    (all, least) =>
      all.filter((one) => Math.min(one.offsetHeight, one.offsetWidth) < least).map((one) => one.outerHTML),
    TARGET,
  );
  assert.deepEqual(small, []);
}
