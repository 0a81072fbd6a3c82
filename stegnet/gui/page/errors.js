/** An error that the visitor can act on: the problem in one line, the remedy in another. */
export class PageError extends Error {
  /**
   * @param {string} message the problem
   * @param {string} [hint] the remedy
   * @param {object} [offered] how the job may be done all the same
   * @param {string} [offered.larger] in a much larger file, of this suffix
   * @param {boolean} [offered.unmeant] if the visitor says that it is meant
   */
  constructor(message, hint = "", { larger = "", unmeant = false } = {}) {
    super(message);
    this.name = "PageError";
    this.hint = hint;
    this.larger = larger;
    this.unmeant = unmeant;
  }
}

const UNREADABLE = ["NotFoundError", "NotReadableError"]; // of a file, by the File API

/** An error as the visitor is told of it; one that the page did not foresee is logged, too. @returns {PageError} */
export function asPageError(error) {
  if (error instanceof PageError) return error;
  if (UNREADABLE.includes(error.name)) {
    const hint = "If it is a folder, choose a file in it; if it was changed, moved or deleted, choose it again.";
    return new PageError("The file can’t be read.", hint);
  }
  console.error(error);
  return new PageError(`Something went wrong: ${error.message}`, "Reload the page and try again.");
}
