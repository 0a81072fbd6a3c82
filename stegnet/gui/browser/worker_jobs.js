/** The worker's jobs, but for those that need the pair of networks; in a worker, so that the page stays responsive. */

import { decodePicture, encodePng, fromBitmap } from "./canvas.js";
import { hideInJpeg, isTooFine, makeJpegCapacity, revealFromJpeg, securityOf } from "./codec/jpeg.js";
import { channelOf, choosePoint, prepared } from "./codec/channels.js";
import { fitSecret } from "./codec/fit.js";
import { reveal } from "./codec/reveal.js";
import { hideRobust } from "./codec/survival.js";
import { embed, fileCapacity, storedName } from "./codec/sealed.js";
import { checkHard, detection, securityOfPicture } from "./codec/secure_payload.js";
import { asPageError, isNothing, nothingOpens, PageError } from "./errors.js";
import { systemRandom } from "./format/ciphers.js";
import { withinRatio } from "./format/content.js";
import { asGenerated, keySource } from "./format/keys.js";
import { readJpeg } from "./jpeg/coefficients.js";
import { JpegCover, roundingErrors } from "./jpeg/jpeg_cover.js";
import { encodeJpeg, toYcc } from "./jpeg/libjpeg.js";
import { withMetadata } from "./jpeg/markers.js";
import { blank, channelsOf, isGrey, psnr } from "./picture.js";
import { isPng, readPng } from "./png.js";
import { JPEG, SHOWN, SURVIVAL } from "../page/constants.js";

export const onProgress = (stage, done = 0, total = 0) => postMessage({ stage, done, total });

/** Does the jobs that the page sends, by their names. */
export function serve(jobs) {
  self.onmessage = async ({ data: { job, ...what } }) => {
    try {
      postMessage({ result: await jobs[job](what) });
    } catch (error) {
      const { message, hint } = asPageError(error);
      postMessage({ error: { message, hint } });
    }
  };
}

/** The jobs that hide a file byte for byte. */
export const EXACT_JOBS = {
  /**
   * Embeds any file in a bitmap, byte for byte. Returns the container as a PNG file, a view of it, its PSNR in dB, what was
   * hidden, and how easily it is found.
   *
   * `evidence`: what gives the container away; `condition`: on what it rests that it is hard to find; `safe`: refuse more
   * than is.
   */
  async seal({ cover, file, keyInput, evidence, condition, safe }) {
    keySource(keyInput);
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
};

/**
 * The job that hides a file, or a copy of the picture in it, so that it survives a channel. Its result is the container as a
 * JPEG file, a view of it, PSNR in dB as of "hide", and what was hidden.
 *
 * @param {(what: object) => Promise<object>} openEngine of the modem, for a request
 */
export const makeSurviveJob = (openEngine) =>
  async function survive({ cover, jpeg, secret, file, channel: name, keyInput, ...what }) {
    checkSurviving(keyInput);
    onProgress("pictures");
    const channel = channelOf(name);
    const { jpegCover, seen } = (jpeg && jpegCoverOf(jpeg, await decodePicture(jpeg), channel)) ?? {
      seen: prepared(channel, fromBitmap(cover)),
    };
    const picture = secret && withinRatio(fromBitmap(secret), seen);
    const engine = await openEngine(what);
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
  };

function checkSurviving(keyInput) {
  if (keySource(keyInput).robustKey) return;
  throw new PageError(
    "What is hidden for a recipient survives only as a file.",
    "Choose “as a file”, or hide it with a passphrase or a key file.",
  );
}

/** A JPEG that a robust container may stay, and what it shows; null where it is shown turned, or sent reduced. */
function jpegCoverOf(bytes, shown, channel) {
  if (prepared(channel, shown) !== shown) return null;
  const { jpeg, seen, errors } = usableJpeg(bytes, shown);
  const jpegCover = new JpegCover(jpeg, seen, errors);
  return jpegCover.isUpright ? { jpegCover, seen } : null;
}

/**
 * The job that reveals: a picture, also as a PNG file, or a file with its name. A passphrase is tried as it was typed, then
 * as it is generated.
 *
 * @param {(what: object) => Promise<object>} revealWith reveals with one key
 */
export const makeRevealJob = (revealWith) =>
  async function revealAny({ keyInput, ...what }) {
    const { passphrase } = keyInput;
    keySource(keyInput);
    if (!passphrase) return revealWith({ ...what, keyInput });
    const onTry = tries();
    let last;
    for (const each of [passphrase, asGenerated(passphrase)].filter(Boolean)) {
      try {
        return await revealWith({ ...what, keyInput: { passphrase: each, onTry } });
      } catch (error) {
        if (!isNothing(error)) throw error;
        last = error.hint === nothingOpens().hint ? nothingOpens(true) : error;
      }
    }
    throw last;
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

/** Reveals what a picture's file hides. @param {() => Promise<object>} openEngine of what JPEGs do not hold as they are */
export async function revealFromPicture(container, keyInput, openEngine) {
  onProgress("pictures");
  const { secret, file, ...state } =
    (await revealFromJpeg(container, keyInput)) ?? (await revealFromPixels(container, keyInput, openEngine));
  if (file) return { file: file.bytes, name: file.name, ...state };
  onProgress("write");
  return { file: await encodePng(secret), name: "revealed.png", secret, ...state };
}

async function revealFromPixels(container, keyInput, openEngine) {
  const picture = isPng(container) ? await readPng(container) : await decodePicture(container);
  return reveal(await openEngine(), picture, keyInput);
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

/** @throws {PageError} a picture was not written as it is */
export function checkSame(one, other) {
  if (one.data.every((sample, at) => sample === other.data[at])) return;
  throw new PageError(
    "The PNG file differs from the container.",
    "This is a bug in this page: use the program instead.",
  );
}

/** Absolute difference of two pictures of one size, times GAIN. */
export function amplified(one, other) {
  const shown = blank(one.width, one.height);
  for (let at = 0; at < shown.data.length; at++) {
    shown.data[at] = Math.min(255, SHOWN.GAIN * Math.abs(one.data[at] - other.data[at]));
  }
  return shown;
}
