/** Input of a passphrase, which the page can generate. */

import { button, copied, make, tellChange, UNCOPIED } from "../elements.js";
import { PageError } from "../errors.js";

const PAUSE = 300; // milliseconds without a key being pressed, after which a passphrase is judged
const TYPED = "Anyone who has the container can try passphrases on it: use a long, random one.";
const KEY_TEXT = /^\s*stegnet-(key|identity)-1/i;

/**
 * New passphrases, and notes on typed ones.
 *
 * @typedef {object} Passphrases
 * @property {() => Promise<{passphrase: string, note: string}>} make a new one, and a note on it, or on why there is none
 * @property {(passphrase: string) => Promise<string>} judge a note on one that is weak; empty otherwise
 */

/** @param {string} name of the input's id @param {boolean} canMake true to offer a new one @param {Passphrases} passphrases */
export function passphraseRow(name, canMake, passphrases) {
  const input = make("input", {
    ...{ type: "password", id: `${name}-passphrase`, autocomplete: "off", spellcheck: false },
    "aria-label": "Passphrase",
  });
  const eye = button("", () => reveal(input.type === "password"), { className: "quiet" });
  reveal(false);
  const row = make("div", { className: "stack" }, make("div", { className: "row wrap passphrase" }, input, eye));
  if (canMake) row.append(...maker());
  return {
    row,
    keyInput() {
      if (!input.value) throw new PageError("There is no passphrase.", "Type a passphrase, or choose a key file.");
      if (KEY_TEXT.test(input.value)) throw isKey();
      return { passphrase: input.value };
    },
    put: ({ passphrase }) => (input.value = passphrase),
  };

  function reveal(is) {
    input.type = is ? "text" : "password";
    eye.textContent = is ? "Hide" : "Show";
    eye.setAttribute("aria-label", is ? "Hide the passphrase" : "Show the passphrase");
  }

  /** Buttons to generate and copy a passphrase, and a note on its strength. */
  function maker() {
    let [strength, pause] = [TYPED, 0];
    const status = make("p", { className: "note", role: "status" }, strength);
    const start = button("Generate a passphrase", generate, { className: "quiet" });
    const copy = button("Copy", copyIt, { className: "quiet", "aria-label": "Copy the passphrase", hidden: true });
    input.oninput = () => {
      status.textContent = strength = TYPED;
      clearTimeout(pause);
      pause = setTimeout(judge, PAUSE);
    };
    return [make("div", { className: "row wrap" }, start, copy), status];

    async function generate() {
      const { passphrase, note } = await passphrases.make();
      if (!passphrase) return void (status.textContent = note);
      clearTimeout(pause);
      input.value = passphrase;
      reveal(true);
      copy.hidden = false;
      status.textContent = strength = note;
      tellChange(input);
    }

    async function judge() {
      const judged = input.value;
      const note = (judged && (await passphrases.judge(judged))) || TYPED;
      if (input.value === judged) status.textContent = strength = note;
    }

    async function copyIt() {
      status.textContent = `${(await copied(input.value)) ? "Copied." : UNCOPIED} ${strength}`;
    }
  }
}

const isKey = () =>
  new PageError(
    "This is the text of a key file, not a passphrase.",
    "Choose “Key file” above, and give the file or its QR code.",
  );
