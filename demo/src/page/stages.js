/** Stages of the worker's jobs. */

import { makeProgress, STAGES } from "../../../stegnet/gui/browser/page/stages.js";

/** As of a page's backend. */
export const progressOf = makeProgress({
  ...STAGES,
  hide: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    code: ["Coding the secret", 10],
    enhance: ["Coding the secret", 6],
    prepare: ["Preparing the secret", 2],
    hide: ["Hiding", 22],
    seal: ["Hiding", 12],
    write: ["Writing the PNG file", 4],
    key: ["Reading it back", 6],
    reveal: ["Checking the secret", 18],
    restore: ["Checking the secret", 8],
  },
  "seal film": {
    load: ["Loading FFmpeg, which reads films", 10],
    read: ["Reading the cover", 10],
    seal: ["Hiding", 60],
    write: ["Writing the film", 10],
    check: ["Reading it back", 10],
  },
  "reveal film": {
    load: ["Loading FFmpeg, which reads films", 15],
    read: ["Reading the container", 25],
    reveal: ["Revealing", 60],
  },
  reveal: {
    pictures: ["Reading the container", 2],
    load: ["Loading the network", 10],
    key: ["Revealing", 4],
    try: ["Trying the passphrase", 40],
    code: ["Revealing", 4],
    enhance: ["Revealing", 10],
    reveal: ["Revealing", 18],
    restore: ["Revealing", 10],
    write: ["Writing the PNG file", 2],
  },
});
