/** An error that the visitor can act on: the problem in one line, the remedy in another. */
export class PageError extends Error {
  /**
   * @param {string} message the problem
   * @param {string} [hint] the remedy
   * @param {boolean} [searchable] a longer search may find something all the same
   */
  constructor(message, hint = "", searchable = false) {
    super(message);
    this.name = "PageError";
    this.hint = hint;
    this.searchable = searchable;
  }
}
