/** The frame of a result, and the figures in it. */

import { make } from "./elements.js";

export const EXAMPLE = {
  message: "This cover is an example that everyone has.",
  hint: "Whoever compares the two sees that something is hidden: send a container made from a photograph of your own.",
};

/** Shows a result instead of the last one; the first child is its title. @param {HTMLFormElement} form */
export function showResult(form, children) {
  const place = form.querySelector(".result");
  for (const old of place.querySelectorAll("a, img, video")) URL.revokeObjectURL(old.href ?? old.src);
  place.replaceChildren(...children);
  place.hidden = false;
  const [title] = children;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
  place.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** A list of figures by name. */
export function figures(values) {
  const pairs = Object.entries(values).map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  return make("dl", { className: "figures" }, ...pairs);
}

/** Buttons side by side. */
export const buttons = (...all) => make("div", { className: "row wrap" }, ...all.filter(Boolean));

/** How easily a container is found: the first line of its result. @param {string} words of the program or worker */
export const verdictOf = (words) =>
  make("p", { className: "verdict" }, `${words.charAt(0).toUpperCase()}${words.slice(1)}.`);

export const noteOf = (text) => make("p", { className: "note" }, text);
export const dimensions = ({ width, height }) => `${width}\u00a0×\u00a0${height}`;
export const thousands = (count) => count.toLocaleString("en");

/** Root of the mean squared error, in levels. */
export const rmse = (psnr) => (255 * 10 ** (-psnr / 20)).toFixed(1);

/** The distance of a picture from another, in words. @param {number} psnr in dB */
export const offBy = (psnr) => `${rmse(psnr)} of 255 levels off`;
