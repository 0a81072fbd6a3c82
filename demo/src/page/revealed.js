/** Secrets that the worker has revealed; all can be saved. */

import { make, saveLink, size } from "@page/elements.js";
import { buttons, dimensions, figures, showResult } from "@page/result.js";
import { badge, copyButton, media, textNode } from "@page/revealed.js";

import { TEXTS } from "../constants.js";
import { canvasOf } from "./canvas.js";

/**
 * Shows a secret.
 *
 * @param {HTMLFormElement} form
 * @param {object} result of the worker: of a picture its samples `secret`, of any secret its `file` and `name`, of a
 *   film's the `trouble` with its frames
 */
export function showSecret(form, { file, name, secret, whole, robust, trouble }) {
  const text = secret ? null : textOf(name, file);
  const type = secret ? "image/png" : "application/octet-stream";
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

/** A hidden text; null if it is another file. @param {Uint8Array} bytes */
function textOf(name, bytes) {
  if (name !== TEXTS.TEXT_NAME || bytes.length > TEXTS.MOST_TEXT) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null; // not UTF-8
  }
}
