/** The worker that computes, as the page sees it. */

import workerUrl from "../worker.js?worker&url";

import { PageError } from "../errors.js";

let worker = null;

/**
 * Does one job.
 *
 * @param {string} job "hide" or "reveal"
 * @param {object} what it takes
 * @param {Transferable[]} transfer what of it is handed over
 * @param {(stage: string, done: number, total: number) => void} tell
 * @param {AbortSignal} signal stops it
 * @returns {Promise<object>} what it gives
 * @throws {PageError} what the visitor can do something about; or the signal's reason
 */
export function work(job, what, transfer, tell, signal) {
  worker ??= start();
  return new Promise((resolve, reject) => {
    signal.onabort = () => end(signal.reason);
    worker.onerror = () =>
      end(new PageError("Part of this page could not be loaded, or stopped.", "Reload the page."));
    worker.onmessage = ({ data: { result, error, stage, done, total } }) => {
      if (stage) tell(stage, done, total);
      else if (error) reject(new PageError(error.message, error.hint));
      else resolve(result);
    };
    worker.postMessage({ job, ...what }, transfer);

    function end(reason) {
      worker.terminate();
      worker = null;
      reject(reason);
    }
  });
}

/** By way of a blob, so that the page's security policy holds in the worker too. */
function start() {
  const source = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
}
