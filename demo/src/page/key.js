/** Input of a key: a passphrase, or a key file. */

import { PageError } from "../errors.js";
import { KEY_BYTES } from "../format/keys.js";
import { button, copied, make, makeChoice, saveLink, UNCOPIED } from "./elements.js";

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const TYPED = "Anyone who has the container can try passphrases on it: use a long, random one.";
const GENERATED =
  "80 random bits: nobody can guess it, and nobody can recover it. Keep it, and send it another way than the picture.";

/**
 * Sets up the choice of a key in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset whose `data-key` is "new" if a key may be generated
 * @returns {{keyInput: () => object, put: (keyInput: object) => void}} keyInput: the typed or chosen key, as
 *   the worker takes it
 */
export function makeKey(fieldset) {
  const name = `${fieldset.parentElement.id}-key`;
  const isNew = fieldset.dataset.key === "new";
  const [passphrase, file] = [passphraseRow(name, isNew), fileRow(name, isNew)];
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

function passphraseRow(name, canMake) {
  const input = make("input", {
    ...{ type: "password", id: `${name}-passphrase`, autocomplete: "off", spellcheck: false },
    "aria-label": "Passphrase",
  });
  const eye = button("", () => reveal(input.type === "password"), { className: "quiet" });
  reveal(false);
  const row = make("div", { className: "stack" }, make("div", { className: "row" }, input, eye));
  if (canMake) row.append(...maker());
  return {
    row,
    keyInput: () => ({ passphrase: input.value }),
    put: ({ passphrase }) => (input.value = passphrase),
  };

  function reveal(is) {
    input.type = is ? "text" : "password";
    eye.textContent = is ? "Hide" : "Show";
    eye.setAttribute("aria-label", is ? "Hide the passphrase" : "Show the passphrase");
  }

  /** Buttons to generate and copy a passphrase, and a note on its strength. */
  function maker() {
    let strength = TYPED;
    const status = make("p", { className: "note", role: "status" }, strength);
    const start = button("Generate a passphrase", generate, { className: "quiet" });
    const copy = button("Copy", copyIt, { className: "quiet", "aria-label": "Copy the passphrase", hidden: true });
    input.oninput = () => (status.textContent = strength = TYPED);
    return [make("div", { className: "row wrap" }, start, copy), status];

    function generate() {
      input.value = newPassphrase();
      reveal(true);
      copy.hidden = false;
      status.textContent = strength = GENERATED;
    }

    async function copyIt() {
      status.textContent = `${(await copied(input.value)) ? "Copied." : UNCOPIED} ${strength}`;
    }
  }
}

/** 80 random bits, in letters and digits that are not easily confused. */
function newPassphrase() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => CROCKFORD[byte % 32]);
  return digits.join("").match(/.{4}/g).join("-");
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
    keyInput() {
      if (bytes) return { file: bytes };
      throw new PageError(
        "There is no key file.",
        canMake ? "Choose one, or make a new one." : "Choose the one the secret was hidden with.",
      );
    },
    put({ file }) {
      bytes = file;
      status.textContent = "the key it was hidden with";
    },
  };

  /** A key file like `stegnet keygen`'s, saved by the visitor. */
  function makeNew() {
    bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    saveLink("", "stegnet.key", bytes, "application/octet-stream").click();
    status.textContent = "stegnet.key was saved: keep it, and give a copy to whoever will reveal the secret";
  }
}
