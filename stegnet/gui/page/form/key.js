/** Choice of a key: a passphrase, a key file, or a recipient. */

import { make, makeChoice } from "../elements.js";
import { fileRow } from "./keyfile.js";
import { passphraseRow } from "./passphrase.js";
import { recipientRow } from "./recipient.js";

/**
 * Sets up the choice of a key in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset whose `data-key` is "new" if a key may be generated
 * @param {import("../main.js").Backend} backend
 * @returns {{keyInput: () => object, put: (keyInput: object) => void}} keyInput: the typed or chosen key, as
 *   the worker expects it
 */
export function makeKey(fieldset, { passphrases, recipientOf }) {
  const name = `${fieldset.closest("[role=tabpanel]").id}-key`;
  const isNew = fieldset.dataset.key === "new";
  const kinds = { passphrase: passphraseRow(name, isNew, passphrases), file: fileRow(name, isNew, isNew ? null : recipientOf) };
  if (isNew && recipientOf) kinds.recipient = recipientRow(name);
  const labels = { passphrase: "Passphrase", file: "Key file", recipient: "Recipient" };
  const options = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, labels[kind]]));
  const choice = makeChoice(name, "Kind of key", options, choose);
  fieldset.append(make("legend", {}, "Key"), choice.node, ...Object.values(kinds).map(({ row }) => row));
  choose("passphrase");

  return {
    keyInput: () => kinds[choice.value()].keyInput(),
    put(keyInput) {
      const kind = keyInput.file ? "file" : "passphrase";
      choose(kind);
      kinds[kind].put(keyInput);
    },
  };

  function choose(kind) {
    choice.choose(kind);
    for (const each of Object.keys(kinds)) kinds[each].row.hidden = each !== kind;
  }
}
