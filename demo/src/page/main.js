/** The page: passes dropped files to the worker and shows the results. */

import { PageError } from "../errors.js";
import { catchStrayDrops, makeDrop } from "./drop.js";
import { button, make, notice } from "./elements.js";
import { setUpDevice } from "./device.js";
import { makeJob } from "./job.js";
import { makeKey } from "./key.js";
import { readContainer, readPicture, readSecret } from "./read.js";
import { showContainer, showSecret, showSurvivor } from "./results.js";
import { makeSend } from "./send.js";
import { setUpTabs, show } from "./tabs.js";

const [hiding, revealing] = [document.getElementById("hide"), document.getElementById("reveal")];

async function setUp() {
  const device = await setUpDevice();
  const stray = make("div");
  const onchange = () => {
    stray.remove();
    send.update();
  };
  const pictures = { accept: "image/*", examples: true, read: readPicture, onchange };
  const cover = makeDrop(section("cover"), { ...pictures, ask: "A cover" });
  const secret = makeDrop(section("secret"), { ...pictures, accept: "", ask: "A secret", read: readSecret });
  const send = makeSend(hiding.querySelector(".send"), () => ({ cover: cover.value, secret: secret.value }));
  const container = makeDrop(section("container"), {
    accept: "image/*",
    ask: "A container",
    read: readContainer,
    onchange,
  });
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
    const channel = send.channel();
    const [seen, hidden] = [cover, secret].map(filled);
    if (!channel && !hidden.bitmap) throw notAPicture(hidden);
    const keyInput = newKey.keyInput();
    const bitmaps = await Promise.all([seen, hidden].map(({ bitmap }) => bitmap && createImageBitmap(bitmap)));
    const name = nameLike(seen, send.suffix());
    const what = { cover: bitmaps[0], secret: bitmaps[1], name, keyInput, device: device() };
    const transfer = bitmaps.filter(Boolean);
    if (!channel) return { job: "hide", what, transfer };
    const bytes = new Uint8Array(await hidden.file.arrayBuffer());
    return { job: "survive", what: { ...what, channel, file: { name: hidden.name, bytes } }, transfer };
  }

  function gatherRevealing() {
    const { bytes } = filled(container);
    return { job: "reveal", what: { container: bytes, keyInput: oldKey.keyInput(), device: device() } };
  }

  function showHidden(result, { name, keyInput, channel }) {
    const reveal = button("Reveal it here", async () => {
      oldKey.put(keyInput);
      show("reveal");
      await container.take(new File([result.file], name));
      revealing.requestSubmit();
    });
    const shown = channel ? showSurvivor : showContainer;
    shown(hiding, result, name, reveal);
  }
}

/** File name of the container: the cover's own, so as not to give the secret away. */
const nameLike = (cover, suffix) => `${cover.name.replace(/\.\w+$/, "") || "picture"}${suffix}`;

const notAPicture = ({ name }) =>
  new PageError(`${name} is not a picture.`, "A JPEG hides small files too; `stegnet hide` hides files of any size.");

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
