/** An error that the visitor can act on: the problem in one line, the remedy in another. */
export class PageError extends Error {
  /**
   * @param {string} message the problem
   * @param {string} [hint] the remedy
   */
  constructor(message, hint = "") {
    super(message);
    this.name = "PageError";
    this.hint = hint;
  }
}

/** The same answer to a wrong key, nothing hidden, and a container altered beyond recovery: indistinguishable. */
export const nothingOpens = () =>
  new PageError(
    "Nothing can be revealed: nothing here opens with this key.",
    "The key is a different one, or the picture was altered more than it survives, or it hides nothing.",
  );
