/** Renders stegnet/gui/page/icon.svg as the PNG files that home screens want: `node icons.js`; needs Chromium. */

import { readFile } from "node:fs/promises";

import { chromium } from "playwright-core";

const FOLDER = new URL("public/", import.meta.url).pathname;
const PAPER = "#faf8f5";
const SHARE = 0.64; // of the side: what masks leave of an icon is a circle of 80 %

const browser = await chromium.launch({
  executablePath: process.env.STEGNET_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const svg = Buffer.from(await readFile(new URL("../stegnet/gui/page/icon.svg", import.meta.url))).toString("base64");
for (const side of [180, 512]) {
  const page = await browser.newPage({ viewport: { width: side, height: side } });
  const image = `<img src="data:image/svg+xml;base64,${svg}" width="${SHARE * side}" height="${SHARE * side}">`;
  await page.setContent(
    `<body style="margin:0;height:100vh;display:grid;place-items:center;background:${PAPER}">${image}`,
  );
  await page.screenshot({ path: `${FOLDER}icon-${side}.png` });
}
await browser.close();
