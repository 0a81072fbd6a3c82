/** The page's interface to the worker. */

import { makeWork } from "../../../stegnet/gui/browser/page/work.js";
import workerUrl from "../worker.js?worker&url";

/** Starts it from a blob, so that the page's security policy applies to the worker too. */
export const work = makeWork(() => {
  const source = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
});
