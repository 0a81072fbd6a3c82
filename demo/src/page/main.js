/** The page: passes dropped files to the worker and shows the results. */

import { PageError } from "../errors.js";
import { catchStrayDrops, makeDrop } from "./drop.js";
import { button, make, notice } from "./elements.js";
import { setUpDevice } from "./device.js";
import { makeJob } from "./job.js";
import { makeKey } from "./key.js";
import { readContainer, readCover } from "./read.js";
import { SHOWN } from "./hidden.js";
import { asFile, gatherHiding, gatherRevealing, suffixOf } from "./jobs.js";
import { keepOffline } from "./offline.js";
import { showSecret } from "./revealed.js";
import { makeSecret } from "./secret.js";
import { makeSend } from "./send.js";
import { setUpTabs, show } from "./tabs.js";

const [hiding, revealing] = document.querySelectorAll("form");
const isHiding = () => !document.getElementById("hide").hidden;

const EITHER = "image/*,video/*";

async function setUp() {
  const device = await setUpDevice();
  const stray = make("div");
  const onchange = () => stray.remove();
  const reveal = setUpRevealing(device, onchange);
  const hide = setUpHiding(device, onchange, reveal.take);
  const zones = () => (isHiding() ? hide.zones : reveal.zones);
  setUpPasting(zones);
  catchStrayDrops((file) => {
    stray.replaceChildren(notice(strayed(file, zones())));
    (isHiding() ? hiding : revealing).prepend(stray);
    stray.scrollIntoView({ block: "nearest" });
  });
  const [cover, secret] = hide.zones;
  await Promise.all([cover.takeExample("day"), secret.takeExample("night")]);
  document.documentElement.dataset.ready = "";
  if (import.meta.env.MODE === "production") await keepOffline(device);
}

/** The form that hides. @param {(file: File, keyInput: object) => void} revealHere reveals a container of it */
function setUpHiding(device, onchange, revealHere) {
  const zones = {};
  const chosen = () => ({ cover: zones.cover?.value, secret: zones.secret?.value });
  const send = makeSend(hiding.querySelector(".send"), chosen);
  const changed = () => {
    onchange();
    send.update();
    document.getElementById("examples-note").hidden = !Object.values(chosen()).some((value) => value?.isExample);
  };
  const cover = { accept: EITHER, examples: true, read: readCover, ask: "A cover", onchange: changed };
  zones.cover = makeDrop(section("cover"), cover);
  zones.secret = makeSecret(section("secret"), changed);
  const key = makeKey(hiding.querySelector(".key"));
  makeJob(hiding, { ask, gather: gatherHiding, done });
  return { zones: [zones.cover, zones.secret] };

  function ask() {
    const [seen, hidden] = [zones.cover, zones.secret].map(filled);
    return { cover: seen, secret: hidden, channel: send.channel(), keyInput: key.keyInput(), device: device() };
  }

  function done(result, { cover: seen, channel, keyInput }, job) {
    const name = nameLike(seen, suffixOf(seen, channel));
    const reveal = button("Reveal it here", async () => revealHere(await asFile(result, name), keyInput));
    SHOWN[job](hiding, result, { name, reveal, isExample: seen.isExample });
  }
}

/** The form that reveals; `take` gives it a container and its key, and starts it. */
function setUpRevealing(device, onchange) {
  const container = makeDrop(section("container"), {
    accept: EITHER,
    read: readContainer,
    ask: "A container",
    onchange,
  });
  const key = makeKey(revealing.querySelector(".key"));
  const ask = () => ({ container: filled(container), keyInput: key.keyInput(), device: device() });
  makeJob(revealing, { ask, gather: gatherRevealing, done: (result) => showSecret(revealing, result) });
  return { zones: [container], take };

  async function take(file, keyInput) {
    key.put(keyInput);
    show("reveal");
    await container.take(file);
    revealing.requestSubmit();
  }
}

/** File name of the container: the cover's own, so as not to give the secret away. */
const nameLike = (cover, suffix) => `${cover.name.replace(/\.\w+$/, "") || "picture"}${suffix}`;

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
  setUp(); // not awaited: modules that are loaded later import this one, and would wait for its end
}
