/** The page's interface to the program: files go to it in one request, whose answer tells how far it is. */

import { PageError } from "../errors.js";

/** The program has ended, or a file can't be read any more. */
export const gone = () =>
  new PageError(
    "The program does not answer.",
    "If it has ended, start `stegnet gui` again. If a file was changed since you chose it, choose it again.",
  );

/**
 * Runs one job.
 *
 * @param {import("../main.js").Job} job "hide" or "reveal", and as its input the files, and what else the program expects:
 *   see stegnet/gui/jobs.py
 * @param {(stage: string, done: number, total: number, step?: number, steps?: number) => void} onProgress
 * @param {AbortSignal} signal stops it
 * @param {(line: string) => void} onWarning
 * @returns {Promise<object>} its result
 * @throws {PageError} an error that the visitor can act on; or the signal's reason
 */
export async function work({ job, what: { files, ...what } }, onProgress, signal, onWarning) {
  const named = files.map(({ name, size }) => ({ name, size }));
  const body = new Blob([`${JSON.stringify({ job, ...what, files: named })}\n`, ...files]);
  onProgress("pass", 0, 0);
  try {
    const response = await fetch("jobs", { method: "POST", body, signal });
    if (!response.ok) throw new PageError("The program refuses this request.", "Reload the page.");
    for await (const { stage, done, total, step, steps, warning, error, result } of lines(response.body)) {
      if (error) throw new PageError(sentence(error.message, named), sentence(error.hint), error);
      if (result) return { ...result, ...sentences(result, named) };
      if (warning) onWarning(sentence(warning, named));
      else onProgress(stage, done, total, step, steps);
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof TypeError)) throw error; // fetch's own
  }
  throw gone();
}

const sentences = (result, files) =>
  Object.fromEntries(
    ["notes", "warnings", "trouble"].map((name) => [name, result[name].map((line) => sentence(line, files))]),
  );

/** A line of the program as a sentence; files keep their names. */
export function sentence(line, files = []) {
  const isName = files.some(({ name }) => line.startsWith(name));
  const start = isName ? line : line.charAt(0).toUpperCase() + line.slice(1);
  return !start || /[.!?]$/.test(start) ? start : `${start}.`;
}

/** Lines of JSON as they arrive. @param {ReadableStream} stream */
async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield* parts.filter(Boolean).map((line) => JSON.parse(line)); // empty ones show that the program is there
  }
}
