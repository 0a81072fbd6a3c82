/** Hiding any file in a film, byte for byte: a share in each frame, by workers side by side, so that some may be lost. */

import { fileCapacity, prepare, storedName } from "../../../stegnet/gui/browser/codec/sealed.js";
import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { makeShares, mostLost } from "../../../stegnet/gui/browser/format/spread.js";
import { isGrey, psnrOf } from "../../../stegnet/gui/browser/picture.js";
import { readFilm } from "./read.js";
import { writeFilm } from "./write.js";

/**
 * Hides a file in a film.
 *
 * @param {boolean} options.keepsPlace false: a film whose tags say where it was taken goes without its tags
 * @returns {Promise<{film: Uint8Array, first: Picture[], psnr: number, capacity: number, frames: number, mayBeLost:
 *   number}>} film: an MKV file; first: the first frame before and after; psnr: of all frames, in dB; mayBeLost: frames
 *   that may be lost or altered, and the file is recovered
 * @throws {PageError} the film can't be read, the file does not fit, or the key is missing
 */
export async function hideInFilm(ffmpeg, cover, file, { keyInput, keepsPlace, onProgress }) {
  const frames = [];
  const path = ffmpeg.mount(cover);
  const info = readFilm(ffmpeg, path, (frame) => frames.push(frame), (...done) => onProgress("read", ...done));
  const channels = frames.every(isGrey) ? 1 : 3;
  const size = { width: info.width, height: info.height, frames: frames.length, channels };
  const embedding = await prepare(file, size, keyInput);
  const before = { ...frames[0], data: frames[0].data.slice() };
  const error = await sealAll(frames, file.bytes, embedding, keyInput, (...done) => onProgress("seal", ...done));
  onProgress("write", 0, 1);
  const film = writeFilm(ffmpeg, path, { ...info, keepsTags: keepsPlace || !info.hasPlace }, (index) => frames[index].data);
  check(ffmpeg, film, frames, (...done) => onProgress("check", ...done));
  return {
    film,
    first: [before, frames[0]],
    psnr: psnrOf(error, frames.length * before.data.length),
    capacity: fileCapacity(size, storedName(file.name)),
    frames: frames.length,
    mayBeLost: embedding.needed ? mostLost(frames.length, embedding.needed) : 0,
  };
}

/** Decodes a film and compares its frames. */
function check(ffmpeg, film, frames, onProgress) {
  let same = 0;
  const compare = ({ data }, index) => (same += isSame(data, frames[index]?.data));
  const { times } = readFilm(ffmpeg, ffmpeg.mount(new Blob([film])), compare, onProgress);
  if (same === frames.length && times.length === frames.length) return;
  throw new PageError("The film differs from the container.", "This is a bug in this page: use the program instead.");
}

function isSame(one, other) {
  if (one.length !== other?.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

const MAX_WORKERS = 8;

/**
 * Embeds a file in frames, in place.
 *
 * @param {(done: number, total: number) => void} onProgress in frames
 * @returns {Promise<number>} the sum of the squared changes
 */
async function sealAll(frames, bytes, embedding, keyInput, onProgress) {
  const count = Math.min(navigator.hardwareConcurrency, MAX_WORKERS, frames.length);
  const start = () => new Worker(new URL("./sealer.js", import.meta.url), { type: "module" });
  const workers = Array.from({ length: count }, start);
  const shareOf = embedding.needed ? await makeShares(bytes, embedding) : () => bytes;
  let [next, done, error] = [0, 0, 0];

  async function sealNext(worker) {
    for (let index = next++; index < frames.length; index = next++) {
      const frame = frames[index];
      const what = { embedding, keyInput, frame, index, share: shareOf(index) };
      const sealed = await answer(worker, what, [frame.data.buffer]);
      frames[index] = sealed.frame;
      error += sealed.error;
      onProgress(++done, frames.length);
    }
  }

  try {
    await Promise.all(workers.map(sealNext));
    return error;
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

function answer(worker, what, transfer) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(what, transfer);
  });
}
