/** Questions to the program, which are answered at once. */

/** The answer; empty if the program has ended. @param {string} about see stegnet/gui/advice.py @returns {Promise<object>} */
export async function ask(about, question) {
  try {
    const response = await fetch(about, { method: "POST", body: `${JSON.stringify(question)}\n` });
    return response.ok ? await response.json() : {};
  } catch (error) {
    if (error instanceof TypeError) return {}; // fetch's own; the next job says that the program is gone
    throw error;
  }
}
