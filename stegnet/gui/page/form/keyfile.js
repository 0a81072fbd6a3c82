/** Input of a key file: the file, a picture of its QR code, or the camera; and a new one. */

import { KEYS } from "../constants.js";
import { button, copied, make, notice, saveLink, tellChange, UNCOPIED } from "../elements.js";
import { asPageError, PageError } from "../errors.js";
import { codeInPicture, drawCode } from "./code.js";
import { identityFile, keyFile, keyText, readKey, readKeyOrIdentity, recipientText } from "./keytext.js";
import { scan } from "./scan.js";

const NEW_NAME = "stegnet.key";
const SAVED = `${NEW_NAME} was saved: keep it, and give a copy to whoever will reveal the secret.`;
const NEW_IDENTITY = "stegnet.identity";
const ABOUT_IDENTITY =
  "An identity lets others hide for you, without a common secret: keep its file to yourself, and send them its recipient.";
const SHOWN =
  "Whoever sees this code has the key. Another device reads it with its camera, from this page or the program.";

/**
 * @param {string} name of the input's id
 * @param {boolean} canMake true to offer a new key
 * @param {((identity: Uint8Array) => Promise<Uint8Array>) | null} recipientOf gives the public key of an identity, which
 *   the file then may be
 */
export function fileRow(name, canMake, recipientOf) {
  const read = recipientOf ? readKeyOrIdentity : (content) => ({ file: readKey(content) });
  let key = null; // or the input that it is for a job
  const input = make("input", { type: "file", id: `${name}-file`, className: "unseen" });
  const choose = make("label", { className: "button quiet", for: input.id }, "Choose a key file");
  const buttons = make("div", { className: "row wrap" }, input, choose);
  const status = make("p", { className: "note", role: "status" });
  const [alerts, code] = [make("div"), make("div", { className: "code", hidden: true })];
  const show = button("Show its QR code", toggle, { className: "quiet", hidden: true, "aria-expanded": "false" });
  buttons.append(button("Scan a QR code", () => useFrom(scanned), { className: "quiet" }));
  if (canMake) buttons.append(button("Make a new one", makeNew, { className: "quiet" }));
  if (recipientOf) buttons.append(button("Make an identity", makeIdentity, { className: "quiet" }));
  buttons.append(show);
  use(null, canMake ? "Or choose a picture of its QR code." : "Or choose a picture of the key’s QR code.");
  input.onchange = () => useFrom(chosen);
  return { row: make("div", { className: "stack" }, buttons, status, code, alerts), keyInput, put };

  function keyInput() {
    if (key) return key;
    throw new PageError(
      "There is no key file.",
      canMake ? "Choose one, or make a new one." : "Choose the one the secret was hidden with.",
    );
  }

  function put(keyInput) {
    use(keyInput, "The key it was hidden with.");
  }

  function use(keyInput, text) {
    key = keyInput;
    status.textContent = text;
    alerts.replaceChildren();
    show.hidden = !key?.file;
    if (!code.hidden) toggle();
    tellChange(buttons);
  }

  /** Uses a key from somewhere; where there is none, the old one is forgotten and the reason shown. */
  async function useFrom(source) {
    try {
      await source();
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      use(null, "");
      alerts.replaceChildren(notice(error));
    }
  }

  async function chosen() {
    const [file] = input.files;
    if (!file) return;
    input.value = "";
    const text = await codeInPicture(file);
    use(read(text ?? new Uint8Array(await file.slice(0, KEYS.MOST_BYTES + 1).arrayBuffer())), file.name);
  }

  async function scanned() {
    const text = await scan();
    if (text !== null) use(read(text), "The key of the scanned code.");
  }

  /** A key file like `stegnet keygen`'s, saved by the visitor. */
  function makeNew() {
    const secret = crypto.getRandomValues(new Uint8Array(KEYS.KEY_BYTES));
    saveLink("", NEW_NAME, keyFile(secret), "application/octet-stream").click();
    use({ file: secret }, SAVED);
  }

  /** An identity's file like `stegnet keygen --identity`'s, saved by the visitor, and its recipient, to be sent. */
  async function makeIdentity() {
    const secret = crypto.getRandomValues(new Uint8Array(KEYS.KEY_BYTES));
    try {
      const recipient = recipientText(await recipientOf(secret));
      saveLink("", NEW_IDENTITY, identityFile(secret, recipient), "application/octet-stream").click();
      use({ identity: secret }, `${NEW_IDENTITY} was saved. ${ABOUT_IDENTITY}`);
      const told = make("span", { role: "status" });
      const copy = button("Copy", async () => (told.textContent = (await copied(recipient)) ? "Copied." : UNCOPIED), {
        ...{ className: "quiet", "aria-label": "Copy the recipient" },
      });
      alerts.replaceChildren(make("p", { className: "recipient" }, recipient), make("div", { className: "row wrap" }, copy, told));
    } catch (error) {
      alerts.replaceChildren(notice(asPageError(error)));
    }
  }

  function toggle() {
    code.hidden = !code.hidden;
    code.replaceChildren(...(code.hidden ? [] : [drawCode(keyText(key.file)), make("p", { className: "note" }, SHOWN)]));
    show.textContent = code.hidden ? "Show its QR code" : "Hide the QR code";
    show.setAttribute("aria-expanded", String(!code.hidden));
  }
}
