/** The page of one file (stegnet/gui/one_page.py), which needs no program and no network: its worker is its own script. */

import { bytesOf, EMBEDDED } from "../../page/embedded.js";
import { start } from "../../page/main.js";
import { forecast } from "./advice.js";
import { asFile, gatherHiding, gatherRevealing } from "./jobs.js";
import { passphrases } from "./passphrases.js";
import { readContainer, readCover, readSecret } from "./read.js";
import { showContainer, showSecret } from "./results.js";
import { makeProgress, STAGES } from "./stages.js";
import { makeWork } from "./work.js";

start({
  setUpDevice: async () => () => "cpu",
  ...{ readCover, readSecret, readContainer },
  covers: "image/*",
  destinations: { picture: ["file"] },
  forecast,
  ...{ passphrases, takesIdentities: true },
  ...{ gatherHiding, gatherRevealing: withModem, progressOf: makeProgress(STAGES), showContainer, asFile, showSecret },
  work: makeWork(startWorker),
});

/** The request to reveal, with the network that reads what a messenger saved again. */
function withModem(form) {
  const { what, ...job } = gatherRevealing(form);
  const { options, weights } = EMBEDDED.modem;
  return { ...job, what: { ...what, modem: { options, weights: bytesOf(weights) } } };
}

function startWorker() {
  const source = new Blob([document.getElementById("script").textContent], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(source));
}
