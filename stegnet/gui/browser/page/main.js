/** The page of one file (stegnet/gui/one_page.py), which needs no program and no network: its worker is its own script. */

import { bytesOf, EMBEDDED } from "../../page/embedded.js";
import { start } from "../../page/main.js";
import { operatingPoints } from "../format/robust_record.js";
import { forecast as exactForecast, survivingForecast } from "./advice.js";
import { asFile, CHANNELS, gatherHiding, gatherRevealing } from "./jobs.js";
import { passphrases } from "./passphrases.js";
import { recipientOf } from "../format/identity.js";
import { readContainer, readCover, readSecret } from "./read.js";
import { showContainer, showSecret } from "./results.js";
import { makeProgress, STAGES } from "./stages.js";
import { makeWork } from "./work.js";

start({
  setUpDevice: async () => () => "cpu",
  ...{ readCover, readSecret, readContainer },
  covers: "image/*",
  destinations: { picture: ["file", ...Object.keys(CHANNELS)] },
  forecast,
  ...{ passphrases, recipientOf },
  async gatherHiding(form) {
    const request = await gatherHiding(form);
    return request.job === "survive" ? withModem(request) : request;
  },
  gatherRevealing: (form) => withModem(gatherRevealing(form)),
  ...{ progressOf: makeProgress(STAGES), showContainer, asFile, showSecret },
  work: makeWork(startWorker),
});

/** A request, with the networks that hide what messengers save again, and read it. */
function withModem({ what, ...job }) {
  const { options, weights } = EMBEDDED.modem;
  return { ...job, what: { ...what, modem: { options, weights: bytesOf(weights) } } };
}

/** The forecast of the page's backend. */
async function forecast(cover, secret, container) {
  if (!(container.destination in CHANNELS)) return exactForecast(cover, secret, container);
  return survivingForecast(cover, secret, container, operatingPoints(EMBEDDED.modem.options.rungs), false);
}

function startWorker() {
  const source = new Blob([document.getElementById("script").textContent], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(source));
}
