/** Results of the worker: containers that networks made, and films. */

import { make, notice } from "@page/elements.js";
import { dimensions, offBy, thousands } from "@page/result.js";

import { QUALITY, SECURE } from "../../../stegnet/gui/page/constants.js";
import * as exact from "../../../stegnet/gui/browser/page/results.js";

export { showSecret } from "../../../stegnet/gui/browser/page/results.js";

const { amount, canvasOf, compared, differing, PNG, saveButton, show } = exact;
const MKV = "video/x-matroska";
const { POOR, LEAST } = QUALITY; // dB; below, a secret is visibly degraded, and hardly recognisable
const TOO_FINE =
  "Noise and fine patterns in a secret need more capacity than its cover has: use a plainer secret or a larger cover.";

/** Shows a picture that hides a picture. */
function showPicture(form, { file, cover, secret, difference, residual, psnr }, context) {
  const views = {
    ...compared(file, PNG, cover),
    ...differing(difference, psnr, "The difference between the two"),
    Inside: {
      view: canvasOf(residual, "the scrambled residual"),
      note: "This is what the network hides: the finer part of the secret, in blocks that the key moved, turned and inverted. The key then masks each sample.",
    },
  };
  const save = saveButton(file, PNG, context);
  show(form, context, {
    warnings: warnings(psnr, cover, secret),
    views,
    values: { "Revealed secret": offBy(psnr.secret) },
    save: psnr.secret >= LEAST ? save : collapsed("Download it anyway", save),
    notes: [],
    result: { file, cover, psnr },
  });
}

/** Shows a film that hides a file byte for byte. */
function showFilm(form, { file, cover, difference, psnr, hidden, frames, mayBeLost }, context) {
  const note = "Browsers can’t play this kind of film.";
  show(form, context, {
    warnings: [],
    views: {
      "First frame": { view: canvasOf(cover, "the first frame"), note },
      ...differing(difference, psnr, "The difference between container and cover"),
    },
    values: {
      ...{ Secret: "byte for byte", Hidden: amount(hidden) },
      Frames: `${thousands(frames)}, ${most(mayBeLost)} of which may be lost or altered`,
    },
    save: saveButton(file, MKV, context),
    notes: [],
    verdict: SECURE.UNMEASURED,
    result: { file, cover, psnr },
  });
}

const most = (frames) => (frames ? `up to ${thousands(frames)}` : "none");

/** Shows a container; arguments as of the page's backend. */
export function showContainer(job, form, result, context) {
  if (job === "hide") showPicture(form, result, context);
  else if ("mayBeLost" in result) showFilm(form, result, context);
  else exact.showContainer(job, form, result, context);
}

/** Warnings about poor quality, with the reason. */
function warnings(psnr, cover, secret) {
  const found = [];
  if (psnr.container < POOR) {
    found.push({
      message: `The container visibly differs from its cover (${offBy(psnr.container)}).`,
      hint: TOO_FINE,
    });
  }
  if (psnr.secret < POOR) {
    const unusable = psnr.secret < LEAST;
    const shrunk = `At ${dimensions(secret)} it must be shrunk to fit into the cover’s ${dimensions(cover)}: use a larger cover.`;
    found.push({
      message: `${unusable ? "Don’t send this: the revealed secret would be unusable" : "The revealed secret will be visibly degraded"} (${offBy(psnr.secret)}).`,
      hint: psnr.fitted < POOR ? shrunk : TOO_FINE,
      grave: unusable,
    });
  }
  return found.map(({ grave, ...what }) => notice(what, grave ? "error" : "warning"));
}

/** Content that is one more click away. */
const collapsed = (label, what) => make("details", {}, make("summary", { className: "button quiet" }, label), what);
