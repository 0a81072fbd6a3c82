/** Choice of a key: a passphrase, or a key file. */

import { make, makeChoice } from "../elements.js";
import { fileRow } from "./keyfile.js";
import { passphraseRow } from "./passphrase.js";

/**
 * Sets up the choice of a key in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset whose `data-key` is "new" if a key may be generated
 * @param {import("../main.js").Backend} backend
 * @returns {{keyInput: () => object, put: (keyInput: object) => void}} keyInput: the typed or chosen key, as
 *   the worker expects it
 */
export function makeKey(fieldset, { passphrases, takesIdentities = false }) {
  const name = `${fieldset.closest("[role=tabpanel]").id}-key`;
  const isNew = fieldset.dataset.key === "new";
  const [passphrase, file] = [passphraseRow(name, isNew, passphrases), fileRow(name, isNew, takesIdentities && !isNew)];
  const kinds = { passphrase, file };
  const options = { passphrase: "Passphrase", file: "Key file" };
  const choice = makeChoice(name, "Kind of key", options, choose);
  fieldset.append(make("legend", {}, "Key"), choice.node, passphrase.row, file.row);
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
