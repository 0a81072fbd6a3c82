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
