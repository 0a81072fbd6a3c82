/** The page that needs no program: a worker of its own does the work. */

import { make } from "@page/elements.js";
import { start } from "@page/main.js";

import { forecast } from "./advice.js";
import { asFile, CHANNELS, gatherHiding, gatherRevealing } from "./jobs.js";
import { keepOffline } from "./offline.js";
import { readContainer, readCover, readSecret } from "./read.js";
import { showContainer, showSecret } from "./results.js";
import { progressOf } from "./stages.js";
import { work } from "./work.js";

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const GENERATED = "80 random bits: nobody can guess it, and nobody can recover it. Keep it, and send it separately from the picture.";

start({
  setUpDevice,
  ready: keepOffline,
  ...{ readCover, readSecret, readContainer },
  destinations: { picture: ["file", ...Object.keys(CHANNELS)], film: ["file"] },
  forecast,
  passphrases: { make: newPassphrase, judge: async () => "" },
  takesIdentities: true,
  ...{ gatherHiding, gatherRevealing, work, progressOf, showContainer, asFile, showSecret },
});

/** 80 random bits in letters and digits that are not easily confused. */
async function newPassphrase() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => CROCKFORD[byte % 32]);
  return { passphrase: digits.join("").match(/.{4}/g).join("-"), note: GENERATED };
}

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
