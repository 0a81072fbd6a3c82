/** Results of the worker: containers, with their quality and what to know before they are sent, and secrets. */

import { make, notice, saveLink, size } from "@page/elements.js";
import {
  buttons,
  decibels,
  dimensions,
  EXAMPLE,
  figures,
  noteOf,
  rmse,
  showResult,
  thousands,
  verdictOf,
} from "@page/result.js";
import { badge, copyButton, media, textNode } from "@page/revealed.js";
import { makeCompare, makeViews } from "@page/views.js";

import { toImageData } from "../../../stegnet/gui/browser/canvas.js";
import { JPEG as JPEGS, QUALITY, SECURE, SHOWN, TEXTS } from "../../../stegnet/gui/page/constants.js";

const [PNG, JPEG, MKV] = ["image/png", "image/jpeg", "video/x-matroska"];
const { POOR, LEAST } = QUALITY; // dB; below, a secret is visibly degraded, and hardly recognisable
const TOO_FINE =
  "Noise and fine patterns in a secret need more capacity than its cover has: use a plainer secret or a larger cover.";
const SAVED = `Every change shows in a JPEG of quality 99 or 100, so it was saved at ${JPEGS.USUAL_QUALITY} first. EXIF and the colour profile stay; other metadata does not.`;

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
    values: { "PSNR, secret and revealed": decibels(psnr.secret) },
    save: psnr.secret >= LEAST ? save : collapsed("Download it anyway", save),
    notes: [],
    result: { file, cover, psnr },
  });
}

/** Shows a JPEG that survives being saved again, the result of the job "survive"; arguments as `showPicture`. */
function showSurvivor(form, { file, cover, isReduced, difference, psnr, hidden }, context) {
  const poor = {
    message: `The revealed secret will be hardly recognisable (${decibels(psnr.secret)}).`,
    hint: "Use a larger cover, or a smaller secret.",
  };
  show(form, context, {
    warnings: hidden.isWhole || psnr.secret >= LEAST ? [] : [notice(poor, "warning")],
    views: {
      ...compared(file, JPEG, cover),
      ...differing(difference, psnr, "What hiding changes, before JPEG does"),
    },
    values: {
      ...(hidden.isWhole ? { Secret: "byte for byte" } : { "PSNR, secret and revealed": decibels(psnr.secret) }),
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

/** Shows a picture or film that hides a file byte for byte, the result of the job "seal", or "jpeg". */
function showSealed(form, result, context, type = PNG) {
  const { file, cover, difference, psnr, hidden, detection, frames, mayBeLost, isSaved } = result;
  const isFilm = frames > 1;
  const shown = isFilm
    ? { "First frame": { view: canvasOf(cover, "the first frame"), note: "Browsers can’t play this kind of film." } }
    : compared(file, type, cover);
  show(form, context, {
    warnings: [],
    views: { ...shown, ...differing(difference, psnr, "The difference between container and cover") },
    values: {
      Secret: "byte for byte",
      Hidden: amount(hidden),
      ...(isFilm ? { Frames: `${thousands(frames)}, ${most(mayBeLost)} of which may be lost or altered` } : {}),
    },
    save: saveButton(file, isFilm ? MKV : type, context),
    notes: isSaved ? [SAVED] : [],
    verdict: detection || SECURE.UNMEASURED,
    result: { file, cover, psnr },
  });
}

/** Shows a container; arguments as of the page's backend. */
export const showContainer = (job, ...shown) => SHOW[job](...shown);

const SHOW = {
  ...{ hide: showPicture, survive: showSurvivor, seal: showSealed },
  jpeg: (...shown) => showSealed(...shown, JPEG),
};

function show(form, { name, reveal, survives, isExample }, container) {
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
      "PSNR, container and cover": decibels(psnr.container),
      ...values,
      Size: dimensions(cover),
      Name: name,
      File: size(file.length),
    }),
    ...[survives, ...notes].map(noteOf),
  ]);
}

/** The view of a container's file over its cover. */
function compared(file, type, cover) {
  const url = URL.createObjectURL(new Blob([file], { type }));
  const image = make("img", { src: url, alt: "the container", width: cover.width, height: cover.height });
  return {
    Compare: {
      view: makeCompare(canvasOf(cover, "the cover"), image, ["Cover", "Container"]),
      note: "Drag the handle: on the left the cover you chose, on the right the container you send.",
    },
  };
}

/** The view of what hiding changed. @param {string} what it is */
function differing(difference, psnr, what) {
  return {
    Difference: {
      view: canvasOf(difference, "the difference"),
      note: `${what}, ${SHOWN.GAIN} times as bright: on average ${rmse(psnr.container)} of 255 levels.`,
    },
  };
}

const saveButton = (file, type, { name }) =>
  saveLink("Download the container", name, file, type, { className: "button primary" });

const most = (frames) => (frames ? `up to ${thousands(frames)}` : "none");
const amount = ({ bytes, capacity }) => `${thousands(bytes)} bytes of ${thousands(capacity)}`;

/** Warnings about poor quality, with the reason. */
function warnings(psnr, cover, secret) {
  const found = [];
  if (psnr.container < POOR) {
    found.push({
      message: `The container visibly differs from its cover (${decibels(psnr.container)}).`,
      hint: TOO_FINE,
    });
  }
  if (psnr.secret < POOR) {
    const unusable = psnr.secret < LEAST;
    const shrunk = `At ${dimensions(secret)} it must be shrunk to fit into the cover’s ${dimensions(cover)}: use a larger cover.`;
    found.push({
      message: `${unusable ? "Don’t send this: the revealed secret would be unusable" : "The revealed secret will be visibly degraded"} (${decibels(psnr.secret)}).`,
      hint: psnr.fitted < POOR ? shrunk : TOO_FINE,
      grave: unusable,
    });
  }
  return found.map(({ grave, ...what }) => notice(what, grave ? "error" : "warning"));
}

/** Content that is one more click away. */
const collapsed = (label, what) => make("details", {}, make("summary", { className: "button quiet" }, label), what);

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
function canvasOf(picture, label) {
  const canvas = make("canvas", { width: picture.width, height: picture.height, role: "img", "aria-label": label });
  canvas.getContext("2d").putImageData(toImageData(picture), 0, 0);
  return canvas;
}
