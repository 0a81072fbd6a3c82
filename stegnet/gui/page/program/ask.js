/** Questions to the program, which are answered at once. */

/**
 * The answer; empty if the program has ended.
 *
 * @param {string} about see stegnet/gui/jobs.py
 * @param {object} question
 * @param {...File} files that it is about
 * @returns {Promise<object>}
 */
export async function ask(about, question, ...files) {
  try {
    const response = await fetch(about, { method: "POST", body: new Blob([`${JSON.stringify(question)}\n`, ...files]) });
    return response.ok ? await response.json() : {};
  } catch (error) {
    if (error instanceof TypeError) return {}; // fetch's own; the next job says that the program is gone
    throw error;
  }
}
