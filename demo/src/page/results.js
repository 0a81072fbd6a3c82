/** Results: a container with its quality, or a secret. */

import { GAIN } from "../views.js";
import { make, saveLink, size, notice } from "./elements.js";
import { canvasOf, makeCompare, makeViews } from "./views.js";

const [PNG, JPEG] = ["image/png", "image/jpeg"];
const PICTURES = {
  ...{ avif: "image/avif", gif: "image/gif", jpeg: "image/jpeg", jpg: "image/jpeg" },
  ...{ png: PNG, webp: "image/webp" },
};
const POOR = 30; // dB of PSNR; below, the difference is visible, and the page warns as `stegnet hide` does
const UNUSABLE = 22; // dB; below, a secret is hardly recognisable
const TOO_FINE =
  "Noise and fine patterns in a secret take more room than its cover has: use a plainer secret or a larger cover.";
const UNALTERED = "Unaltered: every pixel is as it was when the secret was hidden.";
const COMPLETE = "Complete: the secret is as it was hidden, even if the picture was saved again since.";
const ALTERED = "The container was altered after the secret was hidden: this is what can still be recovered.";

/**
 * Shows a container.
 *
 * @param {HTMLFormElement} form
 * @param {object} result of the worker
 * @param {string} name of the saved file
 * @param {Node} reveal button that reveals it here
 */
export function showContainer(form, { file, cover, secret, difference, residual, psnr }, name, reveal) {
  const url = URL.createObjectURL(new Blob([file], { type: PNG }));
  const image = make("img", { src: url, alt: "the container", width: cover.width, height: cover.height });
  const views = makeViews({
    Compare: {
      view: makeCompare(canvasOf(cover, "the cover"), image, ["Cover", "Container"]),
      note: "Drag the handle: on the left the cover you chose, on the right the container you send.",
    },
    Difference: {
      view: canvasOf(difference, "the difference"),
      note: `The difference between the two, ${GAIN} times as bright: on average ${rmse(psnr.container)} of 255 levels.`,
    },
    Inside: {
      view: canvasOf(residual, "the scrambled residual"),
      note: "What the network hides: what the encrypted part leaves of the secret, in blocks that the key has moved, turned and inverted; the key then masks each sample.",
    },
  });
  const save = saveLink("Download the container", name, file, PNG, { className: "button primary" });
  const usable = psnr.secret >= UNUSABLE;
  showResult(form, [
    make("h2", {}, "Your container"),
    ...warnings(psnr, cover, secret),
    views,
    figures({
      "PSNR, container and cover": decibels(psnr.container),
      "PSNR, secret and revealed": decibels(psnr.secret),
      Size: dimensions(cover),
      File: size(file.length),
    }),
    make("div", { className: "row wrap" }, usable ? save : collapsed("Download it anyway", save), reveal),
    make(
      "p",
      { className: "note" },
      "Send it as a file: a messaging app that re-encodes pictures destroys the secret.",
    ),
  ]);
}

/**
 * Shows a container that survives lossy codecs; arguments as `showContainer`.
 *
 * @param {object} result of the worker
 */
export function showSurvivor(form, { file, cover, isReduced, difference, psnr, hidden, survives }, name, reveal) {
  const url = URL.createObjectURL(new Blob([file], { type: JPEG }));
  const image = make("img", { src: url, alt: "the container", width: cover.width, height: cover.height });
  const views = makeViews({
    Compare: {
      view: makeCompare(canvasOf(cover, "the cover"), image, ["Cover", "Container"]),
      note: "Drag the handle: on the left the cover you chose, on the right the container you send.",
    },
    Difference: {
      view: canvasOf(difference, "the difference"),
      note: `What hiding changes, before JPEG does, ${GAIN} times as bright: on average ${rmse(psnr.container)} of 255 levels.`,
    },
  });
  const poor = hidden.isWhole || psnr.secret >= UNUSABLE ? [] : [notice(poorCopy(psnr.secret), "warning")];
  const reduced = isReduced ? [make("p", { className: "note" }, "The cover was reduced, as messengers do.")] : [];
  const counted = `${thousands(hidden.bytes)} bytes of ${thousands(hidden.room)}`;
  showResult(form, [
    make("h2", {}, "Your container"),
    ...poor,
    views,
    figures({
      "PSNR, container and cover": decibels(psnr.container),
      ...(hidden.isWhole ? { Secret: "byte for byte" } : { "PSNR, secret and revealed": decibels(psnr.secret) }),
      Hidden: counted,
      Size: dimensions(cover),
      File: size(file.length),
    }),
    make(
      "div",
      { className: "row wrap" },
      saveLink("Download the container", name, file, JPEG, { className: "button primary" }),
      reveal,
    ),
    make("p", { className: "note" }, `It survives ${survives}: that was tried on it.`),
    ...reduced,
  ]);
}

const poorCopy = (psnr) => ({
  message: `The revealed secret will be hardly recognisable (${decibels(psnr)}).`,
  hint: "Use a larger cover, a smaller secret, or a milder channel.",
});

/** Shows a secret: a picture, or a file. */
export function showSecret(form, { file, name, secret, whole, robust }) {
  const badge = whole
    ? make("p", { className: "badge good" }, robust ? COMPLETE : UNALTERED)
    : make("p", { className: "badge bad", role: "alert" }, ALTERED);
  showResult(form, [
    make("h2", {}, "The secret"),
    ...(secret ? [canvasOf(secret, "the revealed secret")] : shownFile(name, file)),
    badge,
    figures({ ...(secret ? { Size: dimensions(secret) } : { Name: name }), File: size(file.length) }),
    make(
      "div",
      { className: "row wrap" },
      saveLink("Download the secret", name, file, secret ? PNG : "application/octet-stream", {
        className: "button primary",
      }),
    ),
  ]);
}

/** A hidden file as a picture, if its name says that it is one that browsers show. */
function shownFile(name, file) {
  const type = PICTURES[name.split(".").at(-1).toLowerCase()];
  if (!type) return [];
  return [make("img", { src: URL.createObjectURL(new Blob([file], { type })), alt: "the hidden picture" })];
}

/** Warnings about poor quality, with the reason. */
function warnings(psnr, cover, secret) {
  const found = [];
  if (psnr.container < POOR) {
    found.push({
      message: `The container visibly differs from its cover (${decibels(psnr.container)}).`,
      hint: TOO_FINE,
    });
  }
  if (psnr.secret < POOR) {
    const unusable = psnr.secret < UNUSABLE;
    const shrunk = `At ${dimensions(secret)} it must be shrunk to fit into the cover’s ${dimensions(cover)}: use a larger cover.`;
    found.push({
      message: `${unusable ? "Don’t send this: the revealed secret would be unusable" : "The revealed secret will be visibly degraded"} (${decibels(psnr.secret)}).`,
      hint: psnr.fitted < POOR ? shrunk : TOO_FINE,
      grave: unusable,
    });
  }
  return found.map(({ grave, ...what }) => notice(what, grave ? "error" : "warning"));
}

/** Content that takes one more click to reach. */
const collapsed = (label, what) => make("details", {}, make("summary", { className: "button quiet" }, label), what);

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

const dimensions = ({ width, height }) => `${width}\u00a0×\u00a0${height}`;
const thousands = (count) => count.toLocaleString("en");
const decibels = (psnr) => `${psnr.toFixed(1)} dB`;

/** Root of the mean squared error, in levels. */
const rmse = (psnr) => (255 * 10 ** (-psnr / 20)).toFixed(1);
