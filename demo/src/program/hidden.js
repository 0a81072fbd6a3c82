/** Containers that the program has made. */

import { GAIN } from "../views.js";
import { make, notice, size as sizeOf } from "../page/elements.js";
import { EXAMPLE } from "../page/hidden.js";
import { buttons, decibels, dimensions, figures, noteOf, rmse, showResult, thousands } from "../page/result.js";
import { makeCompare, makeViews } from "../page/views.js";
import { saveButton } from "./jobs.js";

/** What shows the result of each job. */
export const SHOWN = { hide: showContainer };

/**
 * Shows a container.
 *
 * @param {HTMLFormElement} form
 * @param {object} result of the program
 * @param {import("../page/hidden.js").Context} context
 */
function showContainer(form, result, { reveal, isExample }) {
  showResult(form, [
    make("h2", {}, "Your container"),
    ...(isExample ? [notice(EXAMPLE, "warning")] : []),
    ...result.warnings.map((message) => notice({ message }, "warning")),
    makeViews(views(result)),
    figures(values(result)),
    buttons(saveButton("Download the container", result), reveal),
    ...result.notes.map(noteOf),
  ]);
}

function views({ previews, psnr, frames }) {
  const of = frames > 1 ? " (of the film, the first frame)" : "";
  const compare = {
    view: makeCompare(picture(previews.cover, "the cover"), picture(previews.container, "the container"), [
      "Cover",
      "Container",
    ]),
    note: `Drag the handle: on the left the cover you chose, on the right the container you send${of}.`,
  };
  if (!previews.difference) return { Compare: compare };
  const level = psnr.difference === "equal" ? 0 : rmse(psnr.difference);
  const difference = {
    view: picture(previews.difference, "the difference"),
    note: `The difference between the two, ${GAIN} times as bright: on average ${level} of 255 levels${of}.`,
  };
  return { Compare: compare, Difference: difference };
}

function values({ psnr, width, height, frames, hidden, size }) {
  const measured = {
    "PSNR, container and cover": quality(psnr.container),
    "PSNR, secret and revealed": quality(psnr.secret),
  };
  const counted = frames > 1 ? { Frames: thousands(frames), "Frames with a part of it": thousands(hidden) } : {};
  return {
    ...Object.fromEntries(Object.entries(measured).filter(([, value]) => value)),
    ...counted,
    Size: dimensions({ width, height }),
    File: sizeOf(size),
  };
}

const quality = (psnr) => (psnr === "equal" ? "equal" : psnr && decibels(psnr));
const picture = (src, alt) => make("img", { src, alt });
