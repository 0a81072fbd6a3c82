/** What a visitor can do something about: one line that says what is wrong, one that says what to do. */
export class PageError extends Error {
  /**
   * @param {string} message what is wrong
   * @param {string} [hint] what to do
   */
  constructor(message, hint = "") {
    super(message);
    this.name = "PageError";
    this.hint = hint;
  }
}

/** The one answer to a wrong key, nothing hidden, and what is altered beyond reading: they can't be told apart. */
export const nothing = () =>
  new PageError(
    "Nothing can be revealed: nothing here opens with this key.",
    "The key is a different one, or the file was altered (most messaging apps and social networks do that), or it hides nothing.",
  );
