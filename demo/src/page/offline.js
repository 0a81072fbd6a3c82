/** The page without a network: kept at the first visit by a service worker (src/offline/sw.js). */

import { button } from "@page/elements.js";

const READY = "Ready: this page now works offline.";
const PREPARING = "Getting ready for offline use…";
const UNABLE = "This browser does not keep the page for offline use.";

/** Keeps the page and what it computes with. On a connection that saves data, the visitor is asked first. */
export async function keepOffline(device) {
  const line = document.getElementById("offline");
  if (!navigator.serviceWorker) return;
  if (navigator.connection?.saveData)
    line.replaceChildren(button("Keep this page for offline use", keep, { className: "quiet" }));
  else await keep();

  async function keep() {
    line.textContent = PREPARING;
    line.textContent = (await kept(device())) ? READY : UNABLE;
  }
}

async function kept(device) {
  try {
    await navigator.serviceWorker.register("./sw.js");
  } catch (error) {
    if (error instanceof DOMException || error instanceof TypeError) return false; // as in private windows
    throw error;
  }
  const { active } = await navigator.serviceWorker.ready;
  const { port1, port2 } = new MessageChannel();
  active.postMessage({ device }, [port2]);
  const answer = await new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  if (!answer.kept) console.warn(answer.reason);
  return answer.kept;
}
