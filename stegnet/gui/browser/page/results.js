/** Results of the worker: containers, with their quality and what to know before they are sent, and secrets. */

import { make, notice, saveLink, size } from "../../page/elements.js";
import { buttons, dimensions, EXAMPLE, figures, noteOf, offBy, rmse, showResult, thousands, verdictOf } from "../../page/result.js";
import { badge, copyButton, media, textNode } from "../../page/revealed.js";
import { makeCompare, makeViews } from "../../page/views.js";

import { toImageData } from "../canvas.js";
import { JPEG as JPEGS, QUALITY, SECURE, SHOWN, TEXTS } from "../../page/constants.js";

export const PNG = "image/png";
const JPEG = "image/jpeg";
const { LEAST } = QUALITY; // dB; below, a secret is hardly recognisable
const SAVED = `Every change shows in a JPEG of quality 99 or 100, so it was saved at ${JPEGS.USUAL_QUALITY} first. EXIF and the colour profile stay; other metadata does not.`;

/** Shows a container; arguments as of a page's backend. */
export function showContainer(job, form, result, context) {
  if (job === "survive") showSurvivor(form, result, context);
  else showExact(job, form, result, context);
}

/** Shows a picture that hides a file byte for byte, the result of the job "seal" or "jpeg". */
function showExact(job, form, { file, cover, difference, psnr, hidden, detection, isSaved }, context) {
  const type = job === "jpeg" ? JPEG : PNG;
  show(form, context, {
    warnings: [],
    views: { ...compared(file, type, cover), ...differing(difference, psnr, "The difference between container and cover") },
    values: { Secret: "byte for byte", Hidden: amount(hidden) },
    save: saveButton(file, type, context),
    notes: isSaved ? [SAVED] : [],
    verdict: detection,
    result: { file, cover, psnr },
  });
}

/** Shows a JPEG that survives being saved again, the result of the job "survive"; arguments as `showExact`. */
function showSurvivor(form, { file, cover, isReduced, difference, psnr, hidden }, context) {
  const poor = {
    message: `The revealed secret will be hardly recognisable (${offBy(psnr.secret)}).`,
    hint: "Use a larger cover, or a smaller secret.",
  };
  show(form, context, {
    warnings: hidden.isWhole || psnr.secret >= LEAST ? [] : [notice(poor, "warning")],
    views: {
      ...compared(file, JPEG, cover),
      ...differing(difference, psnr, "What hiding changes, before JPEG does"),
    },
    values: {
      ...(hidden.isWhole ? { Secret: "byte for byte" } : { "Revealed secret": offBy(psnr.secret) }),
      Hidden: amount(hidden),
    },
    save: saveButton(file, JPEG, context),
    notes: [
      "The container was tested for what it survives.",
      ...(isReduced ? ["The cover was reduced to the size that messengers send."] : []),
    ],
    result: { file, cover, psnr },
  });
}

/** Shows what was made, `container`, with its views, figures and what to know. */
export function show(form, { name, reveal, survives, isExample }, container) {
  const { warnings: found, views, values, save, notes, verdict = SECURE.ALWAYS_FOUND, result } = container;
  const { file, cover, psnr } = result;
  showResult(form, [
    make("h2", {}, "Your container"),
    verdictOf(verdict),
    ...(isExample ? [notice(EXAMPLE, "warning")] : []),
    ...found,
    buttons(save, reveal),
    makeViews(views),
    figures({
      "Container, against its cover": offBy(psnr.container),
      ...values,
      Size: dimensions(cover),
      Name: name,
      File: size(file.length),
    }),
    ...[survives, ...notes].map(noteOf),
  ]);
}

/** The view of a container's file over its cover. */
export function compared(file, type, cover) {
  const url = URL.createObjectURL(new Blob([file], { type }));
  const image = make("img", { src: url, alt: "the container", width: cover.width, height: cover.height });
  return {
    Compare: {
      view: makeCompare(canvasOf(cover, "the cover"), image, ["Cover", "Container"]),
      note: "Drag the handle: on the left the cover you chose, on the right the container you send.",
    },
  };
}

/** The view of the changes by hiding. @param {string} what it is */
export function differing(difference, psnr, what) {
  return {
    Difference: {
      view: canvasOf(difference, "the difference"),
      note: `${what}, ${SHOWN.GAIN} times as bright: on average ${rmse(psnr.container)} of 255 levels.`,
    },
  };
}

export const saveButton = (file, type, { name }) =>
  saveLink("Download the container", name, file, type, { className: "button primary" });

export const amount = ({ bytes, capacity }) => `${thousands(bytes)} bytes of ${thousands(capacity)}`;

/**
 * Shows a secret.
 *
 * @param {object} result of the worker: of a picture its samples `secret`, of any secret its `file` and `name`, of a film's the `trouble` with its frames
 */
export function showSecret(form, { file, name, secret, whole, robust, trouble }) {
  const text = secret ? null : textOf(name, file);
  const type = secret ? "image/png" : "application/octet-stream";
  const save = saveLink("Download the secret", name, file, type, { className: "button primary" });
  showResult(form, [
    make("h2", {}, "The secret"),
    ...(text === null ? shown(name, file, secret) : [textNode(text)]),
    badge(whole, robust, trouble),
    buttons(...(text === null ? [] : [copyButton(text)]), save),
    figures({
      ...(secret ? { Size: dimensions(secret) } : { Name: name }),
      File: size(file.length),
    }),
  ]);
}

function shown(name, file, secret) {
  if (secret) return [canvasOf(secret, "the revealed secret")];
  return media(name, (type) => URL.createObjectURL(new Blob([file], { type })));
}

/** A hidden text; null if it is another file. */
function textOf(name, bytes) {
  if (name !== TEXTS.TEXT_NAME || bytes.length > TEXTS.MOST_TEXT) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null; // not UTF-8
  }
}

/** A canvas showing a picture. */
export function canvasOf(picture, label) {
  const canvas = make("canvas", { width: picture.width, height: picture.height, role: "img", "aria-label": label });
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  return canvas;
}
