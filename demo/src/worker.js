/** The worker that hides and reveals, so that the page stays responsive. */

import { decodePicture, encodePng, fromBitmap } from "../../stegnet/gui/browser/canvas.js";
import { hide } from "./codec/hide.js";
import { reveal, revealSealed } from "../../stegnet/gui/browser/codec/reveal.js";
import { QUALITY } from "../../stegnet/gui/page/constants.js";
import { openFfmpeg } from "./film/ffmpeg.js";
import { hideInFilm } from "./film/hide.js";
import { revealFromFilm } from "./film/reveal.js";
import { keySource } from "../../stegnet/gui/browser/format/keys.js";
import { makeEngine } from "./network/engine.js";
import { psnr, toPicture } from "../../stegnet/gui/browser/picture.js";
import { readPng } from "../../stegnet/gui/browser/png.js";
import { resize } from "../../stegnet/gui/browser/resize.js";
import { amplified, checkSame, EXACT_JOBS, makeRevealJob, makeSurviveJob, onProgress, revealFromPicture, serve } from "../../stegnet/gui/browser/worker_jobs.js";

const engines = {};

/** The engine of a device, created once; a failed attempt is repeated the next time. */
async function engineFor(device) {
  engines[device] ??= makeEngine(device, onProgress);
  try {
    return await engines[device];
  } catch (error) {
    delete engines[device];
    throw error;
  }
}

serve({
  ...EXACT_JOBS,
  reveal: makeRevealJob(revealWith),
  survive: makeSurviveJob(({ device }) => engineFor(device)),

  /** Embeds any file in a film, or, as without networks, in a bitmap. */
  seal({ film, file, keyInput, keepsPlace, ...what }) {
    return film ? sealInFilm(film, file, keyInput, keepsPlace) : EXACT_JOBS.seal({ file, keyInput, ...what });
  },

  /**
   * Hides one bitmap in another. Returns the container as a PNG file, views of it, and PSNR in dB: of the container, of
   * the revealed secret, and if that is poor, of a secret that was only resized to the cover's size and back.
   */
  async hide({ cover, secret, keyInput, device }) {
    keySource(keyInput);
    onProgress("pictures");
    const [seen, unseen] = [fromBitmap(cover), fromBitmap(secret)];
    const engine = await engineFor(device);
    const { container, scrambled, keys, record } = await hide(engine, seen, unseen, keyInput);
    onProgress("write");
    const file = await encodePng(container);
    checkSame(await readPng(file), container);
    const { secret: revealed } = await revealSealed(engine, container, keys, { record, whole: true });
    const quality = psnr(unseen, revealed);
    let fitted = Infinity;
    if (quality < QUALITY.POOR) {
      const shrunk = resize(unseen, seen.width, seen.height);
      fitted = psnr(unseen, resize(shrunk, unseen.width, unseen.height));
    }
    return {
      file,
      cover: seen,
      secret: { width: unseen.width, height: unseen.height },
      difference: amplified(seen, container),
      residual: shownResidual(scrambled, container, engine.pair.block),
      psnr: { container: psnr(seen, container), secret: quality, fitted },
    };
  },
});

async function revealWith({ container, film, keyInput, device }) {
  if (film) {
    const { bytes, ...found } = await revealFromFilm(await openFfmpeg(onProgress), film, keyInput, onProgress);
    return { file: bytes, ...found, robust: false };
  }
  return revealFromPicture(container, keyInput, () => engineFor(device));
}

async function sealInFilm(cover, file, keyInput, keepsPlace) {
  const made = await hideInFilm(await openFfmpeg(onProgress), cover, file, { keyInput, keepsPlace, onProgress });
  const [before, after] = made.first;
  return {
    file: made.film,
    cover: before,
    difference: amplified(before, after),
    psnr: { container: made.psnr },
    hidden: { bytes: file.bytes.length, capacity: made.capacity },
    frames: made.frames,
    mayBeLost: made.mayBeLost,
  };
}

const CONTRAST = 2;

/** The scrambled residual, around mid-grey. */
function shownResidual(scrambled, { width, height }, block) {
  const planes = new Float32Array(scrambled.length);
  for (let at = 0; at < planes.length; at++) planes[at] = 0.5 + CONTRAST * scrambled[at];
  return toPicture(planes, Math.floor(width / block) * block, Math.floor(height / block) * block).picture;
}
