/** The page after one visit, when its server can't be reached. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { KEY, open, PASSPHRASE, SMALL } from "./open.js";

async function hideAndReveal(visitor) {
  await visitor.finish("hide");
  await visitor.revealHere();
  assert.match(await visitor.badge(), /Unaltered/);
}

for (const host of ["isolated", "plain"]) {
  test(`after one visit, the page hides and reveals without a network: host ${host}`, async (context) => {
    const site = await open();
    context.after(() => site.close());
    const visitor = await site.visit(site[host], { serviceWorkers: "allow" });
    await visitor.page.getByText("this page now works offline").waitFor();
    await site.stopServing();
    await assert.rejects(fetch(site[host]));

    await visitor.page.reload();
    await visitor.page.locator("html[data-ready]").waitFor();
    assert.equal(await visitor.page.evaluate(() => crossOriginIsolated), true, "threads");
    for (const zone of ["cover", "secret"]) await visitor.give(zone, SMALL);
    await visitor.useKeyFile("hide", KEY);
    await hideAndReveal(visitor);
    await visitor.tab("Hide");
    await visitor.type("a note");
    await visitor.usePassphrase("hide");
    await hideAndReveal(visitor);
    assert.equal(await visitor.page.locator("#reveal .message").innerText(), "a note");
    assert.equal(PASSPHRASE, await visitor.page.locator("#reveal-key-passphrase").inputValue());
  });
}

test("opened as a file, which browsers don't run, the page says so", async (context) => {
  const file = pathToFileURL(new URL("../../dist/index.html", import.meta.url).pathname).href;
  const site = await open();
  context.after(() => site.close());
  const visitor = await site.visit(site.isolated);
  const line = visitor.page.locator("#unstarted");
  assert.equal(await line.count(), 0, "removed by the page's script");
  await visitor.page.goto(file);
  assert.match(await line.innerText(), /opened as a file .* open it from a web server/s);
});
