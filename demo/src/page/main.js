/** The page: passes dropped files to the worker and shows the results. */

import { PageError } from "../errors.js";
import { catchStrayDrops, makeDrop } from "./drop.js";
import { button, make, notice } from "./elements.js";
import { setUpDevice } from "./device.js";
import { makeJob } from "./job.js";
import { makeKey } from "./key.js";
import { readContainer, readPicture } from "./read.js";
import { showContainer, showSecret } from "./results.js";
import { setUpTabs, show } from "./tabs.js";

const PNG = "image/png";
const [hiding, revealing] = [document.getElementById("hide"), document.getElementById("reveal")];

async function setUp() {
  const device = await setUpDevice();
  const stray = make("div");
  const onchange = () => stray.remove();
  const pictures = { accept: "image/*", examples: true, read: readPicture, onchange };
  const cover = makeDrop(section("cover"), { ...pictures, ask: "A cover" });
  const secret = makeDrop(section("secret"), { ...pictures, ask: "A secret" });
  const container = makeDrop(section("container"), { accept: "image/*", ask: "A container", read: readContainer, onchange });
  const [newKey, oldKey] = [hiding, revealing].map((form) => makeKey(form.querySelector(".key")));
  const zones = () => (hiding.hidden ? [container] : [cover, secret]);
  setUpPasting(zones);
  catchStrayDrops((file) => {
    stray.replaceChildren(notice(strayed(file, zones())));
    (hiding.hidden ? revealing : hiding).prepend(stray);
    stray.scrollIntoView({ block: "nearest" });
  });

  makeJob(hiding, gatherHiding, showHidden);
  makeJob(revealing, gatherRevealing, (result) => showSecret(revealing, result));
  await Promise.all([cover.takeExample("day"), secret.takeExample("night")]);
  document.documentElement.dataset.ready = "";

  async function gatherHiding() {
    const bitmaps = await Promise.all([cover, secret].map((zone) => createImageBitmap(filled(zone).bitmap)));
    return {
      what: {
        ...{ cover: bitmaps[0], secret: bitmaps[1], name: nameLike(cover.value) },
        ...{ keyInput: newKey.keyInput(), device: device() },
      },
      transfer: bitmaps,
    };
  }

  function gatherRevealing() {
    return { what: { container: filled(container).bytes, keyInput: oldKey.keyInput(), device: device() } };
  }

  function showHidden(result, { name, keyInput }) {
    const reveal = button("Reveal it here", async () => {
      oldKey.put(keyInput);
      show("reveal");
      await container.take(new File([result.file], name, { type: PNG }));
      revealing.requestSubmit();
    });
    showContainer(hiding, result, name, reveal);
  }
}

/** File name of the container: the cover's own, so as not to give the secret away. */
const nameLike = (cover) => `${cover.name.replace(/\.\w+$/, "") || "picture"}.png`;

const section = (name) => document.querySelector(`[data-drop="${name}"]`);

function filled(zone) {
  if (zone.value) return zone.value;
  throw new PageError(`There is no ${zone.section.dataset.drop}.`, "Drop one, paste one, or choose a file.");
}

/** Pastes a picture into the focused drop zone, otherwise into the first empty one. */
function setUpPasting(zones) {
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    const shown = zones();
    const focused = shown.find((zone) => zone.section.contains(document.activeElement));
    (focused ?? shown.find((zone) => !zone.value) ?? shown[0]).take(file);
  });
}

function strayed(file, zones) {
  const names = zones.map((zone) => zone.section.dataset.drop);
  return new PageError(`${file.name} was dropped in the wrong place.`, `Drop it on the ${names.join(" or the ")}.`);
}

function missingFeature() {
  if (!crypto.subtle) return "This page was not loaded securely, so it can’t encrypt.";
  if (!("OffscreenCanvas" in window && "DecompressionStream" in window))
    return "This browser is too old for this page.";
  return "";
}

setUpTabs();
const missing = missingFeature();
if (missing) {
  const place = document.getElementById("unable");
  place.hidden = false;
  place.append(notice(new PageError(missing, "Use a current browser, and open this page over https.")));
} else {
  await setUp();
}
