/** The page after one visit, when its server can't be reached. */

import assert from "node:assert/strict";
import { test } from "node:test";

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
