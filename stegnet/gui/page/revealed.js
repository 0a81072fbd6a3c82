/** Revealed secrets: a picture, a film or a text is shown. */

import { button, copied, make, UNCOPIED } from "./elements.js";
import { player } from "./form/film.js";

const TYPES = {
  ...{ avif: "image/avif", gif: "image/gif", jpeg: "image/jpeg", jpg: "image/jpeg" },
  ...{ png: "image/png", webp: "image/webp", mkv: "video/x-matroska", webm: "video/webm" },
  ...{ m4v: "video/mp4", mov: "video/mp4", mp4: "video/mp4" },
};
const UNALTERED = "Unaltered: every pixel or sample is as it was when the secret was hidden.";
const COMPLETE = "Complete: the secret is as it was hidden, even if the container was encoded again since.";
const ALTERED = "The container was altered after the secret was hidden: this is what can still be recovered.";

/** A hidden file that browsers show, by its name: a picture or a film. @param {(type: string) => string} address of it */
export function media(name, address) {
  const type = TYPES[name.split(".").at(-1).toLowerCase()];
  if (!type) return [];
  if (type.startsWith("video/")) return [player(address(type), "the hidden film")];
  return [make("img", { src: address(type), alt: "the hidden picture" })];
}

/** Result for the container. @param {string[]} [trouble] with the frames of a film */
export const badge = (whole, robust, trouble = []) =>
  whole
    ? make("p", { className: "badge good" }, robust ? COMPLETE : UNALTERED)
    : make("p", { className: "badge bad", role: "alert" }, [ALTERED, ...trouble].join(" "));

export const textNode = (text) => make("pre", { className: "message", tabIndex: 0 }, text);

/** A button that copies a text, and says so. */
export function copyButton(text) {
  const copy = button("Copy the text", copyIt, { className: "quiet" });
  const status = make("span", { className: "status", role: "status" });
  return make("span", { className: "row" }, copy, status);

  async function copyIt() {
    status.textContent = (await copied(text)) ? "Copied." : UNCOPIED;
  }
}
