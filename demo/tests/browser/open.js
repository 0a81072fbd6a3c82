/** The built page in a browser, as tests use it. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { chromium, firefox } from "playwright-core";
import { preview } from "vite";

import { keyFile } from "../../../stegnet/gui/page/form/keytext.js";
import { readPng } from "../../../stegnet/gui/browser/png.js";
import { writePng } from "../png.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const BROWSER = process.env.STEGNET_CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.STEGNET_FIREFOX ?? "/usr/bin/firefox-esr";
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Under WebDriver BiDi, Firefox sometimes never starts a worker's own workers, such as the threads of ONNX Runtime:
 *  65 of 480 visits waited forever, and none of 330 without a driver. So it runs on one thread here. */
const ONE_THREAD = { "dom.maxHardwareConcurrency": 1 };

const NO_GPU = ["--disable-gpu"];
/** A graphics card emulated in software: slow, but available everywhere. */
const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"];

/** Files exchanged with the Python side of these tests. */
export const exchange = (name) => {
  const folder = process.env.STEGNET_EXCHANGE;
  if (!folder) throw new Error("these tests are run by tests/demo/test_demo.py, which sets STEGNET_EXCHANGE");
  return `${folder}/${name}`;
};

/** The bytes of such a file. */
export const bytes = async (name) => new Uint8Array(await readFile(exchange(name)));

export const PASSPHRASE = "zwei Käse";
export const SECRET = new Uint8Array(32).fill(7);

/** A key file, which a page tries at once: a passphrase takes it seconds. */
export const KEY = { name: "my.key", mimeType: "text/plain", buffer: Buffer.from(keyFile(SECRET)) };

const [WIDTH, HEIGHT] = [160, 120];
const WAVES = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, at) => {
  const [x, y] = [Math.floor(at / 3) % WIDTH, Math.floor(at / 3 / WIDTH)];
  return 120 + 60 * Math.sin((x + 30 * (at % 3)) / 13) * Math.cos(y / 17) + ((at * 7919) % 17);
});
const waves = Buffer.from(writePng({ width: WIDTH, height: HEIGHT, data: WAVES }));

/** A picture that is smaller than the examples, and quicker to hide. */
export const SMALL = { name: "small.png", mimeType: "image/png", buffer: waves };

const LIMIT = 300_000; // ms that nothing takes, even on a busy machine

/**
 * A browser, and servers of the built page.
 *
 * @param {object} [setting]
 * @param {string} [setting.address] of a page that is served already, instead of the built one
 * @param {boolean} [setting.gpu] true for Chromium with a graphics card
 * @param {string[]} [setting.flags] more of them
 * @param {boolean} [setting.inFirefox] true for Firefox as Debian has it, driven by WebDriver BiDi, on one thread
 * @returns {Promise<{isolated: string, plain: string, visit: Function, stopServing: Function, close: Function}>}
 *   addresses of the page with and without the headers that allow threads; visit opens one
 */
export async function open({ address = null, gpu = false, flags = [], inFirefox = false } = {}) {
  const servers = address ? [] : await serve();
  const [isolated, plain] = address ? [address] : servers.map((server) => server.resolvedUrls.local[0]);
  const browser = inFirefox
    ? await firefox.launch({ channel: "moz-firefox", executablePath: FIREFOX, firefoxUserPrefs: ONE_THREAD })
    : await chromium.launch({ executablePath: BROWSER, args: [...FLAGS, ...(gpu ? SOFTWARE_GPU : NO_GPU), ...flags] });
  return {
    isolated,
    plain,
    visit: (url, options) => visit(browser, url, options),
    stopServing,
    async close() {
      await browser.close();
      await stopServing();
    },
  };

  async function stopServing() {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  }
}

/** Servers of the built page, with and without the headers that allow threads. */
async function serve() {
  if (!existsSync(`${ROOT}/dist/index.html`)) throw new Error("the page is not built: `npm run build`");
  return [
    await preview({ root: ROOT, logLevel: "warn", preview: { port: 0 } }),
    await preview({ root: ROOT, logLevel: "warn", preview: { port: 0, host: "127.0.0.1" }, configFile: false }),
  ];
}

async function visit(browser, url, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  const seen = { errors: [], addresses: new Set() };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  context.on("request", (request) => seen.addresses.add(new URL(request.url()).origin));
  await page.goto(url);
  await page.locator("html[data-ready]").waitFor();
  return new Visitor(page, seen);
}

/**
 * Tests with a page of their own, which must log no errors and contact no other server.
 *
 * @param {object} [setting] of `open`
 * @returns {(name: string, steps: (visitor: Visitor) => Promise<void>, options?: object) => void} options: of the visit,
 *   and `isolated`
 */
export function visitingTests(setting) {
  let site;
  before(async () => (site = await open(setting)));
  after(() => site.close());
  return (name, steps, { isolated = true, ...options } = {}) =>
    test(name, async () => {
      const url = isolated ? site.isolated : site.plain;
      const visitor = await site.visit(url, options);
      await steps(visitor);
      assert.deepEqual(visitor.seen.errors, []);
      const { origin } = new URL(url); // of which Firefox does not tell if it is a file's
      assert.deepEqual([...visitor.seen.addresses].filter((address) => address !== origin), []);
      await visitor.close();
    });
}

/** Actions of a visitor. */
class Visitor {
  constructor(page, seen) {
    this.page = page;
    this.seen = seen;
  }

  /** Gives a drop zone a file, by its path or its name and bytes. */
  async give(zone, file) {
    const input = this.page.locator(`#${zone}-file`);
    await input.evaluate((node) => {
      delete node.dataset.given;
      node.addEventListener("change", () => (node.dataset.given = ""), { once: true });
    });
    await input.setInputFiles(file); // may return before the page is told
    await this.page.locator(`#${zone}-file[data-given]`).waitFor({ state: "attached" });
    await this.page.locator(`[data-drop="${zone}"]:not(.busy)`).waitFor();
  }

  /** Types a text as the secret. */
  async type(text) {
    await this.page.locator('[data-drop="secret"] .segments').getByText("Text").click();
    await this.page.locator("#secret-text").fill(text);
  }

  async usePassphrase(form, passphrase = PASSPHRASE) {
    await this.page.locator(`#${form} .key .segments`).getByText("Passphrase").click();
    await this.page.locator(`#${form}-key-passphrase`).fill(passphrase);
    const again = this.page.locator(`#${form}-key-passphrase-again:visible`);
    if (await again.count()) await again.fill(passphrase);
  }

  /** Chooses a key file, and waits until the page has read it, or refused it. */
  async useKeyFile(form, file) {
    const key = this.page.locator(`#${form} .key`);
    await key.locator(".segments").getByText("Key file").click();
    await this.page.locator(`#${form}-key-file`).setInputFiles(file);
    const taken = key.getByText(file.name ?? file.split("/").at(-1), { exact: true });
    await taken.or(key.locator('[role="alert"]')).first().waitFor();
  }

  /** Hides for a recipient. */
  async useRecipient(text) {
    await this.page.locator("#hide .key .segments").getByText("Recipient").click();
    // As if pasted: WebDriver BiDi types the end of a line as Enter, which starts hiding.
    await this.page.locator("#hide-key-recipient").evaluate((input, pasted) => {
      input.value = pasted;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }, text);
  }

  /** Chooses where the container is sent, by its name in DESTINATIONS. */
  async sendTo(destination) {
    await this.page.locator(`#hide .send .segments:visible [value="${destination}"] + span`).click();
  }

  /** Waits for a form's result; trouble instead of it fails at once. */
  async result(form) {
    const trouble = this.page.locator(`#${form} .work .notice.error`);
    await this.page.locator(`#${form} .result h2`).or(trouble).first().waitFor();
    assert.deepEqual(await trouble.allInnerTexts(), []);
  }

  /** Starts a form and waits for its result. */
  async finish(form) {
    await this.start(form);
    await this.result(form);
  }

  /** Reveals a container with a key file, or else the passphrase. */
  async reveal(container, { key, passphrase } = {}) {
    await this.tab("Reveal");
    await this.give("container", container);
    if (key) await this.useKeyFile("reveal", key);
    else await this.usePassphrase("reveal", passphrase);
    await this.finish("reveal");
  }

  /** Reveals the container that was just made. */
  async revealHere() {
    await this.page.getByRole("button", { name: "Reveal it here" }).click();
    if (await this.page.locator('#hide .key input[value="passphrase"]').isChecked()) {
      const field = this.page.locator("#reveal-key-passphrase:focus");
      await field.waitFor();
      assert.equal(await field.inputValue(), "", "it is typed by whoever knows it");
      await field.fill(await this.page.locator("#hide-key-passphrase").inputValue());
      await field.press("Enter");
    }
    await this.result("reveal");
  }

  badge = () => this.page.locator("#reveal .badge").innerText();
  saveName = (form) => this.page.locator(`#${form} .result a[download]`).getAttribute("download");
  forecast = () => this.page.locator('#hide .send .forecast[aria-busy="false"]').innerText();
  forewarned = () => this.page.locator("#hide .send .notice").allInnerTexts();
  onlySafely = (is) => this.page.getByLabel("Only as much as is hard to find").setChecked(is);
  tab = (name) => this.page.getByRole("tab", { name }).click();
  start = (form) => this.page.locator(`#${form} button[type="submit"]`).click();
  trouble = (form) => this.page.locator(`#${form} .work [role="alert"]`).innerText();
  troubleAt = (zone) => this.page.locator(`[data-drop="${zone}"] [role="alert"]`).innerText();

  troubleWithKey = (form) => this.page.locator(`#${form} .key [role="alert"]`).innerText();

  strayed = (form) => this.page.locator(`#${form} form > div:first-child > [role="alert"]`).innerText();
  notices = (form) => this.page.locator(`#${form} .result .notice`).allInnerTexts();

  /** Drops files from outside the browser. */
  async drop(selector, ...files) {
    const place = this.page.locator(selector);
    await place.scrollIntoViewIfNeeded();
    const { x, y } = await place.boundingBox();
    const input = await this.page.context().newCDPSession(this.page);
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await input.send("Input.dispatchDragEvent", { type, x: x + 5, y: y + 5, data });
    }
  }

  /** Bytes of the PNG file that the download link of a form's result saves. */
  async saved(form, path) {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.page.locator(`#${form} .result a[download]`).click(),
    ]);
    const file = path ?? (await download.path());
    if (path) await download.saveAs(path);
    return new Uint8Array(await readFile(file));
  }

  async close() {
    await this.page.context().close();
  }
}

export const readPicture = async (path) => readPng(new Uint8Array(await readFile(path)));
