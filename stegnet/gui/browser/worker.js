/** The worker of the page of one file: hides byte for byte, and reveals all but what networks hid. */

import { fromBitmap } from "./canvas.js";
import { makeDemodulator } from "./codec/demodulator.js";
import { operatingPoints } from "./format/robust_record.js";
import { EXACT_JOBS, makeRevealJob, onProgress, revealFromPicture, serve } from "./worker_jobs.js";
import { MODEM } from "../page/constants.js";

const { AROUND } = MODEM;

serve({
  ...EXACT_JOBS,
  reveal: makeRevealJob(({ container, keyInput, modem }) => revealFromPicture(container, keyInput, async () => engineOf(modem))),
});

/** The part of an engine that reads without ONNX Runtime (demo/src/network/engine.js). */
function engineOf({ options, weights }) {
  const demodulate = makeDemodulator(options, weights);
  return {
    pair: null,
    modem: {
      points: operatingPoints(options.rungs),
      isLocal: true,
      revealMiddles: async (...inputs) => demodulate(...inputs, { patch: AROUND }),
    },
    onProgress,
    run: async (_, ...inputs) => demodulate(...inputs, { onProgress: (done, total) => onProgress("reveal", done, total) }),
    avif: { decode: decodeAvif },
  };
}

/** A picture in AVIF; null for other bytes. */
async function decodeAvif(bytes) {
  const file = new Blob([bytes], { type: "image/avif" });
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
  return bitmap && fromBitmap(bitmap);
}
