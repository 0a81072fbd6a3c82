/** Input of a recipient: the public key of whoever will reveal, as text. */

import { make } from "../elements.js";
import { PageError } from "../errors.js";
import { readRecipient } from "./keytext.js";

const NOTE =
  "A recipient is a public key, which begins with stegnet1. Whoever will reveal makes it, with this page’s “Reveal” or the program, and sends it to you: it is no secret, and opens nothing.";

/** @param {string} name of the input's id */
export function recipientRow(name) {
  const properties = { rows: 2, autocomplete: "off", spellcheck: false, placeholder: "stegnet1…" };
  const input = make("textarea", { id: `${name}-recipient`, "aria-label": "Recipient", ...properties });
  input.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    input.form.requestSubmit();
  };
  const row = make("div", { className: "stack" }, make("div", { className: "row wrap typed" }, input), make("p", { className: "note" }, NOTE));
  return {
    row,
    keyInput() {
      if (!input.value.trim()) throw new PageError("There is no recipient.", "Paste the one that you were sent.");
      return { recipient: readRecipient(input.value) };
    },
  };
}
