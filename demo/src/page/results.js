/** Results: a container with its quality, or a secret. */

import { GAIN } from "../views.js";
import { make, saveLink, size, notice } from "./elements.js";
import { canvasOf, makeCompare, makeViews } from "./views.js";

const PNG = "image/png";
const POOR = 30; // dB of PSNR; below, the difference is visible, and the page warns as `stegnet hide` does
const UNUSABLE = 22; // dB; below, a secret is hardly recognisable
const UNLIKE_PHOTOGRAPHS =
  "The network was trained on photographs: noise and fine patterns, in either picture, are reproduced badly. Try another secret or cover.";

/**
 * Shows a container.
 *
 * @param {HTMLFormElement} form
 * @param {object} result of the worker
 * @param {string} name of the saved file
 * @param {Node} reveal button that reveals it here
 */
export function showContainer(form, { file, cover, secret, difference, detail, psnr }, name, reveal) {
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
      view: canvasOf(detail, "the scrambled secret"),
      note: "The secret as the network hides it: without its block means, in blocks that the key has moved, turned and inverted.",
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
    make("p", { className: "note" }, "Send it as a file: a messaging app that re-encodes pictures destroys the secret."),
  ]);
}

/** Shows a secret. */
export function showSecret(form, { file, secret, whole }) {
  const badge = whole
    ? make("p", { className: "badge good" }, "Unaltered: every pixel is as it was when the secret was hidden.")
    : make(
        "p",
        { className: "badge bad", role: "alert" },
        "The container was altered after the secret was hidden: this is what can still be recovered.",
      );
  showResult(form, [
    make("h2", {}, "The secret"),
    canvasOf(secret, "the revealed secret"),
    badge,
    figures({ Size: dimensions(secret), File: size(file.length) }),
    make(
      "div",
      { className: "row wrap" },
      saveLink("Download the secret", "revealed.png", file, PNG, { className: "button primary" }),
    ),
  ]);
}

/** Warnings about poor quality, with the reason. */
function warnings(psnr, cover, secret) {
  const found = [];
  if (psnr.container < POOR) {
    found.push({
      message: `The container visibly differs from its cover (${decibels(psnr.container)}).`,
      hint: UNLIKE_PHOTOGRAPHS,
    });
  }
  if (psnr.secret < POOR) {
    const unusable = psnr.secret < UNUSABLE;
    const shrunk = `At ${dimensions(secret)} it must be shrunk to fit into the cover’s ${dimensions(cover)}: use a larger cover.`;
    found.push({
      message: `${unusable ? "Don’t send this: the revealed secret would be unusable" : "The revealed secret will be visibly degraded"} (${decibels(psnr.secret)}).`,
      hint: psnr.fitted < POOR ? shrunk : UNLIKE_PHOTOGRAPHS,
      grave: unusable,
    });
  }
  return found.map(({ grave, ...what }) => notice(what, grave ? "error" : "warning"));
}

/** Content that takes one more click to reach. */
const collapsed = (label, what) =>
  make("details", {}, make("summary", { className: "button quiet" }, label), what);

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
const decibels = (psnr) => `${psnr.toFixed(1)} dB`;

/** Root of the mean squared error, in levels. */
const rmse = (psnr) => (255 * 10 ** (-psnr / 20)).toFixed(1);
