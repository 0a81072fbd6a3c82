/** What opens a container: a passphrase, or a key file. */

import { PageError } from "../errors.js";
import { KEY_BYTES } from "../format/keys.js";
import { button, make, saveLink } from "./elements.js";

/**
 * Makes the choice of a key in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset whose `data-key` is "new" where a key file may be made
 * @returns {{given: () => object, put: (given: object) => void}} given: what was typed or chosen, as the worker takes it
 */
export function makeKey(fieldset) {
  const name = `${fieldset.parentElement.id}-key`;
  const passphrase = passphraseRow(name);
  const file = fileRow(name, fieldset.dataset.key === "new");
  const kinds = { passphrase, file };
  const radios = { passphrase: radio(name, "passphrase", "Passphrase"), file: radio(name, "file", "Key file") };
  const choice = make("div", { className: "segments", role: "radiogroup", "aria-label": "Kind of key" });
  choice.append(radios.passphrase.label, radios.file.label);
  fieldset.append(make("legend", {}, "Key"), choice, passphrase.row, file.row);
  choice.onchange = () => choose(radios.file.input.checked ? "file" : "passphrase");
  choose("passphrase");

  return {
    given: () => kinds[radios.file.input.checked ? "file" : "passphrase"].given(),
    put(given) {
      const kind = given.file ? "file" : "passphrase";
      choose(kind);
      kinds[kind].put(given);
    },
  };

  function choose(kind) {
    for (const each of Object.keys(kinds)) {
      radios[each].input.checked = each === kind;
      kinds[each].row.hidden = each !== kind;
    }
  }
}

function radio(name, value, text) {
  const input = make("input", { type: "radio", name, value });
  return { input, label: make("label", {}, input, make("span", {}, text)) };
}

function passphraseRow(name) {
  const input = make("input", {
    ...{ type: "password", id: `${name}-passphrase`, autocomplete: "off", spellcheck: false },
    ...{ placeholder: "six random words, say", "aria-label": "Passphrase" },
  });
  const eye = button(
    "Show",
    () => {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      eye.textContent = hidden ? "Hide" : "Show";
      eye.setAttribute("aria-label", hidden ? "Hide the passphrase" : "Show the passphrase");
    },
    { className: "quiet", "aria-label": "Show the passphrase" },
  );
  return {
    row: make("div", { className: "row" }, input, eye),
    given: () => ({ passphrase: input.value }),
    put: ({ passphrase }) => (input.value = passphrase),
  };
}

function fileRow(name, canMake) {
  let bytes = null;
  const input = make("input", { type: "file", id: `${name}-file`, className: "unseen" });
  const status = make("span", { className: "status", role: "status" });
  const row = make(
    "div",
    { className: "row wrap" },
    input,
    make("label", { className: "button quiet", for: input.id }, "Choose a key file"),
  );
  if (canMake) row.append(button("Make a new one", makeNew, { className: "quiet" }));
  row.append(status);
  input.onchange = async () => {
    const [file] = input.files;
    if (!file) return;
    bytes = new Uint8Array(await file.slice(0, KEY_BYTES + 1).arrayBuffer());
    status.textContent = file.name;
    input.value = "";
  };
  return {
    row,
    given() {
      if (bytes) return { file: bytes };
      throw new PageError(
        "There is no key file.",
        canMake ? "Choose one, or make a new one." : "Choose the one that it was hidden with.",
      );
    },
    put({ file }) {
      bytes = file;
      status.textContent = "the key that hid it";
    },
  };

  /** As `stegnet keygen` makes it; the visitor keeps it. */
  function makeNew() {
    bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    saveLink("", "stegnet.key", bytes, "application/octet-stream").click();
    status.textContent = "stegnet.key was saved: keep it, and give a copy to whoever is to reveal";
  }
}
