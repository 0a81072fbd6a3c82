/** Passphrases: random words as `stegnet keygen --passphrase-words` prints them, and warnings of weak ones. */

import { TYPED } from "../page/strength.js";
import { ask } from "./ask.js";

export { TYPED };

/** A new passphrase, and a note on it. */
export async function newPassphrase() {
  const { passphrase = "", text = "" } = await ask("words", {});
  return { passphrase, note: `${text} Keep it, and send it another way than the picture.` };
}

/** A note on a passphrase that is being typed: how fast it is guessed, if it is weak. */
export async function noteOn(passphrase) {
  const { text } = passphrase ? await ask("weakness", { passphrase }) : {};
  return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : TYPED;
}
