/** Containers that the program has made, and secrets that it has revealed. */

import { SHOWN } from "../constants.js";
import { make, notice, size as sizeOf } from "../elements.js";
import {
  buttons,
  dimensions,
  EXAMPLE,
  figures,
  noteOf,
  offBy,
  rmse,
  showResult,
  thousands,
  verdictOf,
} from "../result.js";
import { badge, copyButton, media, textNode } from "../revealed.js";
import { makeCompare, makeViews } from "../views.js";

/**
 * Shows a container.
 *
 * @param {string} job
 * @param {HTMLFormElement} form
 * @param {object} result of the program
 * @param {import("../main.js").Context} context
 */
export function showContainer(job, form, result, { reveal, survives, isExample }) {
  showResult(form, [
    make("h2", {}, "Your container"),
    verdictOf(result.verdict),
    ...(isExample ? [notice(EXAMPLE, "warning")] : []),
    ...result.warnings.map((message) => notice({ message }, "warning")),
    buttons(saveButton("Download the container", result), reveal),
    ...(result.previews.cover ? [makeViews(views(result))] : []),
    figures(values(result)),
    ...(result.notes.some((line) => line.startsWith("Survives ")) ? result.notes : [survives, ...result.notes]).map(noteOf),
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
    note: `The difference between the two, ${SHOWN.GAIN} times as bright: on average ${level} of 255 levels${of}.`,
  };
  return { Compare: compare, Difference: difference };
}

function values({ name, psnr, width, height, frames, hidden, size }) {
  const measured = {
    "Container, against its cover": quality(psnr.container),
    "Revealed secret": quality(psnr.secret),
  };
  const counted = frames > 1 ? { Frames: thousands(frames), "Frames that carry a part": thousands(hidden) } : {};
  return {
    ...Object.fromEntries(Object.entries(measured).filter(([, value]) => value)),
    ...counted,
    ...(width ? { Size: dimensions({ width, height }) } : {}),
    Name: name,
    File: sizeOf(size),
  };
}

const quality = (psnr) => (psnr === "equal" ? "equal" : psnr && offBy(psnr));
const picture = (src, alt) => make("img", { src, alt });

/** Shows a secret. @param {HTMLFormElement} form @param {object} result of the program */
export function showSecret(form, { url, name, size, text, robust, trouble, notes, warnings, width, height }) {
  showResult(form, [
    make("h2", {}, "The secret"),
    ...(text === null ? media(name, () => url) : [textNode(text)]),
    badge(trouble.length === 0, robust),
    ...[...trouble, ...warnings].map((message) => notice({ message }, "warning")),
    buttons(...(text === null ? [] : [copyButton(text)]), saveButton("Download the secret", { url, name })),
    figures({ Name: name, ...(width ? { Size: dimensions({ width, height }) } : {}), File: sizeOf(size) }),
    ...notes.map(noteOf),
  ]);
}

/** A link that saves a result, which the program keeps until it is fetched. */
const saveButton = (label, { url, name }) => make("a", { href: url, download: name, className: "button primary" }, label);
