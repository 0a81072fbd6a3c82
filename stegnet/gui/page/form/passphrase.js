/** Input of a passphrase, which the page can generate. */

import { KEYS } from "../constants.js";
import { button, copied, make, tellChange, UNCOPIED } from "../elements.js";
import { PageError } from "../errors.js";

const PAUSE = 300; // milliseconds without a key being pressed, after which a passphrase is judged
const TYPED = "Anyone who has the container can try passphrases on it: use a long, random one.";
const [KEY_PART, OTHER_KEY] = [new RegExp(KEYS.KEY_PART, "i"), new RegExp(`^(?:${KEYS.OTHER_KEY})`)];

/**
 * New passphrases, and notes on typed ones.
 *
 * @typedef {object} Passphrases
 * @property {() => Promise<{passphrase: string, note: string}>} make a new one, and a note on it, or on why there is none
 * @property {(passphrase: string) => Promise<string>} judge a note on one that is weak; empty otherwise
 */

/**
 * @param {string} name of the input's id
 * @param {boolean} canMake true to offer a new one, and to ask twice for one that can't be seen: a slip loses the secret
 * @param {Passphrases} passphrases
 */
export function passphraseRow(name, canMake, passphrases) {
  const properties = { id: `${name}-passphrase`, autocomplete: "off", spellcheck: false, "aria-label": "Passphrase" };
  const hidden = make("input", { type: "password", ...properties });
  const shown = make("textarea", { rows: 2, ...properties }); // six words need two lines
  const twice = { id: `${name}-passphrase-again`, "aria-label": "Repeat the passphrase", placeholder: "Repeat it" };
  const again = make("input", { type: "password", ...properties, ...twice });
  const askAgain = () => (again.hidden = !canMake || input === shown || !input.value);
  let input = hidden;
  const eye = button("", () => reveal(input === hidden), { className: "quiet" });
  reveal(false);
  shown.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    shown.form.requestSubmit();
  };
  const row = make("div", { className: "stack" }, make("div", { className: "row wrap typed" }, input, eye), again);
  if (canMake) row.append(...maker());
  return {
    row,
    keyInput() {
      const passphrase = input.value.replace(/\r?\n$/, ""); // as in an input of one line
      if (!passphrase) throw new PageError("There is no passphrase.", "Type a passphrase, or choose a key file.");
      if (KEY_PART.test(passphrase) || OTHER_KEY.test(passphrase)) throw isKey();
      if (/[\r\n]/.test(passphrase)) throw new PageError("This is several lines, not a passphrase.", "Type one line.");
      if (!again.hidden && again.value !== passphrase) throw isAnother();
      return { passphrase };
    },
    /** The passphrase of a container that was just made is not put in: that it is known is shown by typing it. */
    put() {
      input.value = "";
      input.focus();
    },
  };

  function reveal(is) {
    const before = input;
    input = is ? shown : hidden;
    input.value = before.value;
    if (before === shown) again.value = before.value; // it was seen
    askAgain();
    before.replaceWith(input);
    eye.textContent = is ? "Hide" : "Show";
    eye.setAttribute("aria-label", is ? "Hide the passphrase" : "Show the passphrase");
  }

  /** Buttons to generate and copy a passphrase, and a note on its strength. */
  function maker() {
    let [strength, pause] = [TYPED, 0];
    const status = make("p", { className: "note", role: "status" }, strength);
    const start = button("Generate a passphrase", generate, { className: "quiet" });
    const copy = button("Copy", copyIt, { className: "quiet", "aria-label": "Copy the passphrase", hidden: true });
    hidden.oninput = shown.oninput = () => {
      askAgain();
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

const isAnother = () =>
  new PageError("The passphrases do not match.", "Repeat the passphrase in the second field, or choose “Show”.");

const isKey = () =>
  new PageError(
    "This is the text of a key, not a passphrase.",
    "Choose “Key file” above, and give a key’s file or QR code.",
  );
