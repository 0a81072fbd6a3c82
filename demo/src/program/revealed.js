/** Secrets that the program has revealed. */

import { make, notice, size as sizeOf } from "../page/elements.js";
import { badge, copyButton, media, textNode } from "../page/revealed.js";
import { buttons, dimensions, figures, noteOf, showResult } from "../page/result.js";
import { saveButton } from "./jobs.js";

/** Shows a secret. @param {HTMLFormElement} form @param {object} result of the program */
export function showSecret(form, { url, name, size, text, robust, trouble, notes, warnings, width, height }) {
  showResult(form, [
    make("h2", {}, "The secret"),
    ...(text === null ? media(name, () => url) : [textNode(text)]),
    badge(trouble.length === 0, robust),
    ...[...trouble, ...warnings].map((message) => notice({ message }, "warning")),
    figures({ Name: name, ...(width ? { Size: dimensions({ width, height }) } : {}), File: sizeOf(size) }),
    buttons(...(text === null ? [] : [copyButton(text)]), saveButton("Download the secret", { url, name })),
    ...notes.map(noteOf),
  ]);
}
