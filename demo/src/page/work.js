/** The page's interface to the worker. */

import { PageError } from "../../../stegnet/gui/browser/errors.js";
import workerUrl from "../worker.js?worker&url";

let worker = null;

/** Runs one job. @throws {PageError} an error that the visitor can act on; or the signal's reason */
export function work({ job, what, transfer }, onProgress, signal) {
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
}

/** Starts it from a blob, so that the page's security policy applies to the worker too. */
function start() {
  const source = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
}
