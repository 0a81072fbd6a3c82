/** The page that needs no program: a worker of its own does the work. */

import { start } from "@page/main.js";

import { setUpDevice } from "./device.js";
import { forecast } from "./forecast.js";
import { showContainer } from "./hidden.js";
import { asFile, CHANNELS, gatherHiding, gatherRevealing } from "./jobs.js";
import { keepOffline } from "./offline.js";
import { readContainer, readCover, readSecret } from "./read.js";
import { showSecret } from "./revealed.js";
import { progressOf } from "./stages.js";
import { work } from "./worker.js";

const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";
const GENERATED = "80 random bits: nobody can guess it, and nobody can recover it. Keep it, and send it separately from the picture.";

start({
  setUpDevice,
  ready: keepOffline,
  ...{ readCover, readSecret, readContainer },
  destinations: { picture: ["file", ...Object.keys(CHANNELS)], film: ["file"] },
  forecast,
  passphrases: { make: newPassphrase, judge: async () => "" },
  ...{ gatherHiding, gatherRevealing, work, progressOf, showContainer, asFile, showSecret },
});

/** 80 random bits in letters and digits that are not easily confused. */
async function newPassphrase() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => CROCKFORD[byte % 32]);
  return { passphrase: digits.join("").match(/.{4}/g).join("-"), note: GENERATED };
}
