/** The worker of the page of one file: hides files, and reveals all but what the pair of networks hid. */

import { fromBitmap } from "./canvas.js";
import { makeModem } from "./codec/modem_network.js";
import { operatingPoints } from "./format/robust_record.js";
import { EXACT_JOBS, makeRevealJob, makeSurviveJob, onProgress, revealFromPicture, serve } from "./worker_jobs.js";
import { MODEM } from "../page/constants.js";

const { AROUND } = MODEM;

serve({
  ...EXACT_JOBS,
  survive: makeSurviveJob(async ({ modem }) => engineOf(modem)),
  reveal: makeRevealJob(({ container, keyInput, modem }) => revealFromPicture(container, keyInput, async () => engineOf(modem))),
});

/** The part of an engine that works without ONNX Runtime (demo/src/network/engine.js). */
function engineOf({ options, weights }) {
  const modem = makeModem(options, weights);
  const report = (stage) => (done, total) => onProgress(stage, done, total);
  return {
    pair: null,
    modem: {
      points: operatingPoints(options.rungs),
      isLocal: true,
      revealMiddles: async (...inputs) => modem.reveal(...inputs, { patch: AROUND }),
    },
    onProgress,
    run: async (name, ...inputs) =>
      name === "modem.hide" ? modem.hide(...inputs, report("hide")) : modem.reveal(...inputs, { onProgress: report("reveal") }),
    avif: { decode: decodeAvif },
  };
}

/** A picture in AVIF; null for other bytes. */
async function decodeAvif(bytes) {
  const file = new Blob([bytes], { type: "image/avif" });
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
  return bitmap && fromBitmap(bitmap);
}
