/** The page that needs no program: a worker of its own does the work. */

import { make } from "@page/elements.js";
import { start } from "@page/main.js";

import { forecast } from "./advice.js";
import { asFile, CHANNELS, gatherHiding, gatherRevealing } from "./jobs.js";
import { recipientOf } from "../../../stegnet/gui/browser/format/identity.js";
import { passphrases } from "../../../stegnet/gui/browser/page/passphrases.js";
import { readSecret } from "../../../stegnet/gui/browser/page/read.js";
import { readContainer, readCover } from "./read.js";
import { showContainer, showSecret } from "./results.js";
import { progressOf } from "./stages.js";
import { work } from "./work.js";

start({
  setUpDevice,
  ...{ readCover, readSecret, readContainer },
  destinations: { picture: ["file", ...Object.keys(CHANNELS)], film: ["file"] },
  forecast,
  ...{ passphrases, recipientOf },
  ...{ gatherHiding, gatherRevealing, work, progressOf, showContainer, asFile, showSecret },
});

const NAMES = { gpu: "the graphics card (WebGPU)", cpu: "the processor (WebAssembly)" };

/** Shows the choice, with the graphics card first if available. */
async function setUpDevice() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const found = adapter ? ["gpu", "cpu"] : ["cpu"];
  const line = document.getElementById("device");
  if (found.length === 1) {
    line.append(`Runs on ${NAMES.cpu}.`);
    return () => "cpu";
  }
  const options = found.map((value) => make("option", { value }, NAMES[value]));
  const select = make("select", { id: "device-choice" }, ...options);
  line.append(make("label", { for: "device-choice" }, "Runs on "), select);
  return () => select.value;
}
