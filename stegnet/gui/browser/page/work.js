/** The page's interface to the worker. */

import { PageError } from "../errors.js";

/** @param {() => Worker} start starts a worker @returns {import("../../page/main.js").Backend["work"]} */
export function makeWork(start) {
  let worker = null;

  /** Runs one job. @throws {PageError} an error that the visitor can act on; or the signal's reason */
  return function work({ job, what, transfer }, onProgress, signal) {
    worker ??= start();
    return new Promise((resolve, reject) => {
      signal.onabort = () => end(signal.reason);
      worker.onerror = () =>
        end(new PageError("Part of this page could not be loaded, or stopped.", "Reload the page."));
      worker.onmessage = ({ data: { result, error, stage, done, total } }) => {
        if (stage) onProgress(stage, done, total);
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
  };
}
