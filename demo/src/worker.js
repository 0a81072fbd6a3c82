/** The worker that hides and reveals, so that the page stays responsive. */

import { decodePicture, encodePng, fromBitmap } from "../../stegnet/gui/browser/canvas.js";
import { channelOf, choosePoint, prepared } from "./codec/channels.js";
import { fitSecret } from "./codec/fit.js";
import { hide } from "./codec/hide.js";
import { hideInJpeg, isTooFine, makeJpegCapacity, revealFromJpeg, securityOf } from "../../stegnet/gui/browser/codec/jpeg.js";
import { reveal, revealSealed } from "../../stegnet/gui/browser/codec/reveal.js";
import { embed, fileCapacity, storedName } from "../../stegnet/gui/browser/codec/sealed.js";
import { checkHard, detection, securityOfPicture } from "../../stegnet/gui/browser/codec/secure_payload.js";
import { hideRobust } from "./codec/survival.js";
import { JPEG, QUALITY, SHOWN, SURVIVAL } from "../../stegnet/gui/page/constants.js";
import { asPageError, isNothing, nothingOpens, PageError } from "../../stegnet/gui/browser/errors.js";
import { openFfmpeg } from "./film/ffmpeg.js";
import { hideInFilm } from "./film/hide.js";
import { revealFromFilm } from "./film/reveal.js";
import { systemRandom } from "../../stegnet/gui/browser/format/ciphers.js";
import { withinRatio } from "../../stegnet/gui/browser/format/content.js";
import { asGenerated, keySource } from "../../stegnet/gui/browser/format/keys.js";
import { readJpeg } from "../../stegnet/gui/browser/jpeg/coefficients.js";
import { JpegCover, roundingErrors } from "../../stegnet/gui/browser/jpeg/jpeg_cover.js";
import { encodeJpeg, toYcc } from "../../stegnet/gui/browser/jpeg/libjpeg.js";
import { withMetadata } from "../../stegnet/gui/browser/jpeg/markers.js";
import { makeEngine } from "./network/engine.js";
import { blank, channelsOf, isGrey, psnr, toPicture } from "../../stegnet/gui/browser/picture.js";
import { isPng, readPng } from "../../stegnet/gui/browser/png.js";
import { resize } from "../../stegnet/gui/browser/resize.js";

const { GAIN } = SHOWN;
const engines = {};

const onProgress = (stage, done = 0, total = 0) => postMessage({ stage, done, total });

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

const JOBS = {
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

  /**
   * Hides a file, or a copy of the picture in it, so that it survives a channel. Returns the container as a JPEG file,
   * a view of it, PSNR in dB as `hide`, and what was hidden.
   */
  async survive({ cover, jpeg, secret, file, channel: name, keyInput, device }) {
    keySource(keyInput);
    onProgress("pictures");
    const channel = channelOf(name);
    const { jpegCover, seen } = (jpeg && jpegCoverOf(jpeg, await decodePicture(jpeg), channel)) ?? {
      seen: prepared(channel, fromBitmap(cover)),
    };
    const picture = secret && withinRatio(fromBitmap(secret), seen);
    const engine = await engineFor(device);
    const point = choosePoint(engine.modem.points, channel);
    const fit = (capacity) => fitSecret({ ...file, picture }, capacity, engine.avif);
    const options = { keyInput, channel, point, onProgress, ...(jpegCover && { written: (each) => jpegCover.shown(each) }) };
    const { container, fitted: hidden, capacity } = await hideRobust(engine, seen, fit, options);
    onProgress("write");
    return {
      file: jpegCover ? jpegCover.file(container) : encodeJpeg(container, SURVIVAL.WRITTEN_QUALITY),
      cover: seen,
      isReduced: seen.width < cover.width || seen.height < cover.height,
      difference: amplified(seen, container),
      psnr: { container: psnr(seen, container), secret: hidden.psnr },
      hidden: { isWhole: hidden.isWhole, bytes: hidden.bytes, capacity },
    };
  },

  /**
   * Embeds any file in a bitmap, or in a film, byte for byte. Returns the container as a PNG or MKV file, a view of it
   * or of its first frame, its PSNR in dB, and what was hidden; of a picture, how easily it is found.
   *
   * `evidence`: what gives the container away; `condition`: on what it rests that it is hard to find; `safe`: refuse more
   * than is.
   */
  async seal({ cover, film, file, keyInput, evidence, condition, safe, keepsPlace }) {
    keySource(keyInput);
    if (film) return sealInFilm(film, file, keyInput, keepsPlace);
    onProgress("pictures");
    const seen = fromBitmap(cover);
    const [size, channels] = [file.bytes.length, channelsOf(seen)];
    const security = securityOfPicture({ ...seen, channels }, evidence);
    if (safe) checkHard(file, security);
    onProgress("seal");
    const report = (done, total) => onProgress("seal", done, total);
    const container = await embed(seen, file, keyInput, systemRandom, report);
    onProgress("write");
    const png = await encodePng(container);
    checkSame(await readPng(png), container);
    return {
      file: png,
      cover: seen,
      difference: amplified(seen, container),
      psnr: { container: psnr(seen, container) },
      hidden: { bytes: size, capacity: fileCapacity({ ...seen, channels }, storedName(file.name)) },
      detection: detection(size, security, condition),
      frames: 1,
    };
  },

  /**
   * Hides any file in a JPEG file, byte for byte, which stays the JPEG it was; one of the highest quality is saved at
   * another first. The result is as of `seal`, and whether it was saved.
   */
  async jpeg({ cover, file, keyInput, condition, safe }) {
    keySource(keyInput);
    onProgress("pictures");
    const { jpeg, errors, seen } = usableJpeg(cover, await decodePicture(cover));
    const container = await hideInJpeg(jpeg, file, keyInput, { errors, safe, onProgress });
    const shown = await decodePicture(container);
    return {
      file: container,
      cover: seen,
      difference: amplified(seen, shown),
      psnr: { container: psnr(seen, shown) },
      hidden: { bytes: file.bytes.length, capacity: makeJpegCapacity(jpeg)(storedName(file.name)) },
      detection: detection(file.bytes.length, securityOf(jpeg, errors !== null), condition),
      frames: 1,
      isSaved: errors !== null,
    };
  },

  /** Reveals the secret of a container file: a picture, also as a PNG file, or a file with its name. */
  async reveal({ container, film, keyInput, device }) {
    const { passphrase } = keyInput;
    if (!passphrase) return revealWith({ container, film, keyInput, device });
    const onTry = tries();
    let last;
    for (const each of [passphrase, asGenerated(passphrase)].filter(Boolean)) {
      try {
        return await revealWith({ container, film, keyInput: { passphrase: each, onTry }, device });
      } catch (error) {
        if (!isNothing(error)) throw error;
        last = error.hint === nothingOpens().hint ? nothingOpens(true) : error;
      }
    }
    throw last;
  },
};

/** Reports each derivation of a key from a passphrase, which takes seconds. */
function tries() {
  const usual = 12; // derivations until it is known that nothing opens
  const parts = 20; // reports of each
  let [done, told] = [0, 0];
  return (part) => {
    if (part < 1 && Math.floor(part * parts) === told) return;
    told = Math.floor(part * parts) % parts;
    onProgress("try", Math.min(done + part, usual), usual);
    if (part === 1) done++;
  };
}

async function revealWith({ container, film, keyInput, device }) {
  keySource(keyInput);
  if (film) {
    const { bytes, ...found } = await revealFromFilm(await openFfmpeg(onProgress), film, keyInput, onProgress);
    return { file: bytes, ...found, robust: false };
  }
  onProgress("pictures");
  const { secret, file, ...state } =
    (await revealFromJpeg(container, keyInput)) ?? (await revealFromPixels(container, keyInput, device));
  if (file) return { file: file.bytes, name: file.name, ...state };
  onProgress("write");
  return { file: await encodePng(secret), name: "revealed.png", secret, ...state };
}

async function revealFromPixels(container, keyInput, device) {
  const picture = isPng(container) ? await readPng(container) : await decodePicture(container);
  return reveal(await engineFor(device), picture, keyInput);
}

/**
 * A JPEG to hide in, and what it shows: the cover, or if its quality is so high that every step would show, what is made
 * of it; then also what rounding took from its coefficients.
 */
function usableJpeg(bytes, seen) {
  const jpeg = readJpeg(bytes);
  if (!isTooFine(jpeg)) return { jpeg, seen, errors: null };
  const hasProfile = !isGrey(seen) || jpeg.file.components.length === 1;
  const made = readJpeg(withMetadata(encodeJpeg(seen, JPEG.USUAL_QUALITY), jpeg.file, hasProfile));
  return { jpeg: made, seen, errors: roundingErrors(toYcc(seen)[0], made) };
}

/** A JPEG that a robust container may stay, and what it shows; null where it is shown turned, or sent reduced. */
function jpegCoverOf(bytes, shown, channel) {
  if (prepared(channel, shown) !== shown) return null;
  const { jpeg, seen, errors } = usableJpeg(bytes, shown);
  const jpegCover = new JpegCover(jpeg, seen, errors);
  return jpegCover.isUpright ? { jpegCover, seen } : null;
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

function checkSame(one, other) {
  if (one.data.every((sample, at) => sample === other.data[at])) return;
  throw new PageError(
    "The PNG file differs from the container.",
    "This is a bug in this page: use the program instead.",
  );
}

self.onmessage = async ({ data: { job, ...what } }) => {
  try {
    postMessage({ result: await JOBS[job](what) });
  } catch (error) {
    const { message, hint } = asPageError(error);
    postMessage({ error: { message, hint } });
  }
};

const CONTRAST = 2;

/** Absolute difference of two pictures of one size, times GAIN. */
function amplified(one, other) {
  const shown = blank(one.width, one.height);
  for (let at = 0; at < shown.data.length; at++) {
    shown.data[at] = Math.min(255, GAIN * Math.abs(one.data[at] - other.data[at]));
  }
  return shown;
}

/** The scrambled residual, around mid-grey. */
function shownResidual(scrambled, { width, height }, block) {
  const planes = new Float32Array(scrambled.length);
  for (let at = 0; at < planes.length; at++) planes[at] = 0.5 + CONTRAST * scrambled[at];
  return toPicture(planes, Math.floor(width / block) * block, Math.floor(height / block) * block).picture;
}
