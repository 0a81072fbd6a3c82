/** Errors of the page, and the one that says least. */

import { asPageError, PageError } from "../page/errors.js";

export { asPageError, PageError };

const NOTHING = "Nothing can be revealed: nothing here opens with this key.";

/** The same answer to a wrong key, nothing hidden, and a container altered beyond recovery: indistinguishable. */
export const nothingOpens = (byPassphrase = false) =>
  new PageError(
    NOTHING,
    `${byPassphrase ? "The passphrase may be mistyped (capitals, hyphens, blanks)" : "The key is a different one"}, or the ` +
      "picture was altered more than it survives, or it hides nothing.",
  );

export const isNothing = ({ message }) => message === NOTHING;
