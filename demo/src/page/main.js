/** The page: what is dropped goes to the worker, what comes back is shown. */

import { GAIN } from "../views.js";
import { PageError } from "../errors.js";
import { makeDrop } from "./drop.js";
import { button, make, saveLink, size, told } from "./elements.js";
import { setUpDevice } from "./device.js";
import { makeJob } from "./job.js";
import { makeKey } from "./key.js";
import { readContainer, readPicture } from "./read.js";
import { setUpTabs, show } from "./tabs.js";
import { canvasOf, makeCompare, makeViews } from "./views.js";

const PNG = "image/png";
const [hiding, revealing] = [document.getElementById("hide"), document.getElementById("reveal")];

async function setUp() {
  const device = await setUpDevice();
  const pictures = { accept: "image/*", examples: true, read: readPicture };
  const cover = makeDrop(section("cover"), { ...pictures, ask: "A cover" });
  const secret = makeDrop(section("secret"), { ...pictures, ask: "A secret" });
  const container = makeDrop(section("container"), { accept: PNG, ask: "A container", read: readContainer });
  const [newKey, oldKey] = [hiding, revealing].map((form) => makeKey(form.querySelector(".key")));
  setUpPasting({ hide: [cover, secret], reveal: [container] });

  makeJob(hiding, gatherHiding, showContainer);
  makeJob(revealing, gatherRevealing, showSecret);
  await Promise.all([cover.takeExample("day"), secret.takeExample("night")]);
  document.documentElement.dataset.ready = "";

  async function gatherHiding() {
    const bitmaps = await Promise.all([cover, secret].map((zone) => createImageBitmap(filled(zone).bitmap)));
    return {
      what: { cover: bitmaps[0], secret: bitmaps[1], given: newKey.given(), device: device() },
      transfer: bitmaps,
    };
  }

  function gatherRevealing() {
    return { what: { container: filled(container).bytes, given: oldKey.given(), device: device() } };
  }

  function showContainer({ file, cover: seen, difference, detail, psnr }, { given }) {
    const url = URL.createObjectURL(new Blob([file], { type: PNG }));
    const image = make("img", { src: url, alt: "the container", width: seen.width, height: seen.height });
    const views = makeViews({
      Compare: {
        view: makeCompare(canvasOf(seen, "the cover"), image, ["Cover", "Container"]),
        note: "Drag the handle. On the left what you gave, on the right what you send.",
      },
      Difference: {
        view: canvasOf(difference, "the difference"),
        note: `How far the two are apart, ${GAIN} times as bright: on average ${apart(psnr)} of 255 levels.`,
      },
      Inside: {
        view: canvasOf(detail, "the scrambled secret"),
        note: "The secret as the network hides it: without its block means, in blocks that the key put elsewhere, turned and made negative.",
      },
    });
    const reveal = button("Reveal it here", async () => {
      oldKey.put(given);
      show("reveal");
      await container.take(new File([file], "container.png", { type: PNG }));
      revealing.requestSubmit();
    });
    showResult(hiding, [
      make("h2", {}, "Your container"),
      views,
      figures({
        "PSNR, container to cover": `${psnr.toFixed(1)} dB`,
        Size: `${seen.width} × ${seen.height}`,
        File: size(file.length),
      }),
      make(
        "div",
        { className: "row wrap" },
        saveLink("Download the container", "container.png", file, PNG, { className: "button primary" }),
        reveal,
      ),
      make(
        "p",
        { className: "note" },
        "Send it as a file. A messenger that re-encodes pictures destroys what it hides.",
      ),
    ]);
  }
}

function showSecret({ file, secret, whole }) {
  const badge = whole
    ? make("p", { className: "badge good" }, "Untouched: every pixel is as it was when this was hidden.")
    : make(
        "p",
        { className: "badge bad", role: "alert" },
        "The container was altered since it was hidden, and its secret is shown as it is.",
      );
  showResult(revealing, [
    make("h2", {}, "The secret"),
    canvasOf(secret, "the revealed secret"),
    badge,
    figures({ Size: `${secret.width} × ${secret.height}`, File: size(file.length) }),
    make(
      "div",
      { className: "row wrap" },
      saveLink("Download the secret", "revealed.png", file, PNG, { className: "button primary" }),
    ),
  ]);
}

function showResult(form, children) {
  const place = form.querySelector(".result");
  for (const old of place.querySelectorAll("a, img")) URL.revokeObjectURL(old.href ?? old.src);
  place.replaceChildren(...children);
  place.hidden = false;
  const [title] = children;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
  place.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

function figures(values) {
  const pairs = Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  return make("dl", { className: "figures" }, ...pairs);
}

/** Root of the mean squared error, in levels. */
const apart = (psnr) => (255 * 10 ** (-psnr / 20)).toFixed(1);

const section = (name) => document.querySelector(`[data-drop="${name}"]`);

function filled(zone) {
  if (zone.value) return zone.value;
  throw new PageError(`There is no ${zone.section.dataset.drop}.`, "Drop one, paste it, or choose a file.");
}

/** A pasted picture goes to the drop zone that has the focus, else to the first that is empty. */
function setUpPasting(zones) {
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    const shown = zones[hiding.hidden ? "reveal" : "hide"];
    const focused = shown.find((zone) => zone.section.contains(document.activeElement));
    (focused ?? shown.find((zone) => !zone.value) ?? shown[0]).take(file);
  });
}

function whatIsLacking() {
  if (!crypto.subtle) return "This page was not opened securely, and can’t encrypt.";
  if (!("OffscreenCanvas" in window && "DecompressionStream" in window))
    return "This browser is too old for this page.";
  return "";
}

setUpTabs();
const lacking = whatIsLacking();
if (lacking) {
  const place = document.getElementById("unable");
  place.hidden = false;
  place.append(told(new PageError(lacking, "Take a current browser, and open this page by https.")));
} else {
  await setUp();
}
