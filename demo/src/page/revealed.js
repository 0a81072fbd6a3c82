/** Revealed secrets: a picture, a film or a text is shown; all can be saved. */

import { button, copied, make, saveLink, size, UNCOPIED } from "./elements.js";
import { filmType, player } from "./film.js";
import { MAX_TEXT, TEXT_NAME } from "./limits.js";
import { buttons, dimensions, figures, showResult } from "./result.js";
import { canvasOf } from "./views.js";

const PNG = "image/png";
const PICTURES = {
  ...{ avif: "image/avif", gif: "image/gif", jpeg: "image/jpeg", jpg: "image/jpeg" },
  ...{ png: PNG, webp: "image/webp" },
};
const UNALTERED = "Unaltered: every pixel is as it was when the secret was hidden.";
const COMPLETE = "Complete: the secret is as it was hidden, even if the picture was saved again since.";
const ALTERED = "The container was altered after the secret was hidden: this is what can still be recovered.";

/**
 * Shows a secret.
 *
 * @param {HTMLFormElement} form
 * @param {object} result of the worker: of a picture its samples `secret`, of any secret its `file` and `name`, of a
 *   film's the `trouble` with its frames
 */
export function showSecret(form, { file, name, secret, whole, robust, trouble }) {
  const text = secret ? null : textOf(name, file);
  const type = secret ? PNG : "application/octet-stream";
  const save = saveLink("Download the secret", name, file, type, { className: "button primary" });
  showResult(form, [
    make("h2", {}, "The secret"),
    ...(text === null ? shown(name, file, secret) : [textNode(text)]),
    badge(whole, robust, trouble),
    figures({ ...(secret ? { Size: dimensions(secret) } : { Name: name }), File: size(file.length) }),
    buttons(...(text === null ? [] : [copyButton(text)]), save),
  ]);
}

function shown(name, file, secret) {
  if (secret) return [canvasOf(secret, "the revealed secret")];
  return media(name, (type) => URL.createObjectURL(new Blob([file], { type })));
}

/** A hidden file that browsers show, by its name: a picture or a film. @param {(type: string) => string} address of it */
export function media(name, address) {
  const picture = PICTURES[name.split(".").at(-1).toLowerCase()];
  if (picture) return [make("img", { src: address(picture), alt: "the hidden picture" })];
  const film = filmType(name);
  return film ? [player(address(film), "the hidden film")] : [];
}

/** What became of the container. @param {string[]} [trouble] with the frames of a film */
export const badge = (whole, robust, trouble = []) =>
  whole
    ? make("p", { className: "badge good" }, robust ? COMPLETE : UNALTERED)
    : make("p", { className: "badge bad", role: "alert" }, [ALTERED, ...trouble].join(" "));

export const textNode = (text) => make("pre", { className: "message", tabIndex: 0 }, text);

/** A hidden text; null if it is another file. @param {Uint8Array} bytes */
function textOf(name, bytes) {
  if (name !== TEXT_NAME || bytes.length > MAX_TEXT) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null; // not UTF-8
  }
}

/** A button that copies a text, and says so. */
export function copyButton(text) {
  const copy = button("Copy the text", copyIt, { className: "quiet" });
  const status = make("span", { className: "status", role: "status" });
  return make("span", { className: "row" }, copy, status);

  async function copyIt() {
    status.textContent = (await copied(text)) ? "Copied." : UNCOPIED;
  }
}
