/** Revealing the file that is hidden in a film. */

import { Collected } from "../../../stegnet/gui/browser/codec/collecting.js";
import { nothingOpens, PageError } from "../../../stegnet/gui/browser/errors.js";
import { keySource } from "../../../stegnet/gui/browser/format/keys.js";
import { FILE, FILM, parseRecord } from "../../../stegnet/gui/browser/format/record.js";
import { unseal } from "../../../stegnet/gui/browser/format/seal.js";
import { readFilm } from "./read.js";

/**
 * Reveals the file that is hidden in a film.
 *
 * @returns {Promise<{name: string, bytes: Uint8Array, whole: boolean, trouble: string[], frames: number}>} trouble: a
 *   line for each kind of damage; whole: there is none
 * @throws {PageError} the film can't be read, nothing opens, it hides another film, or bytes are missing
 */
export async function revealFromFilm(ffmpeg, container, keyInput, onProgress) {
  const ring = keySource(keyInput).ring();
  const frames = [];
  const take = (frame) => frames.push(frame);
  const { codec } = readFilm(ffmpeg, ffmpeg.mount(container), take, (...done) => onProgress("read", ...done));
  const opened = await findFirst(frames, ring);
  const found = new Collected();
  for (const [index, frame] of frames.entries()) {
    found.add(opened?.index === index ? opened.record : await recordOf(frame, ring, index));
    onProgress("reveal", index + 1, frames.length);
  }
  if (!found.opened) throw codec === "ffv1" ? nothingOpens() : nothingIn(codec);
  return { ...(await found.file()), frames: frames.length };
}

/** The first frame that opens: with a passphrase, the first of the film, or else an anchor. */
async function findFirst(frames, ring) {
  for (const [index, frame] of frames.entries()) {
    const record = await recordOf(frame, ring, index);
    if (record) return { index, record };
    if (!ring.seeksAnchor) return null;
  }
}

/** A frame's record, and whether it was altered; null if it has none of this film. */
async function recordOf(frame, ring, index) {
  const reading = await unseal(frame, ring, index === 0);
  if (!reading) return null;
  const record = await parseRecord(reading.record).catch((error) => {
    if (error instanceof RangeError) return null;
    throw error;
  });
  if (record?.filmSecret && !(await ring.accepts(record.filmSecret))) return null;
  if (record && record.kind !== FILE) {
    const byNetwork = record.kind === FILM ? "another film by a network" : "a picture by a network";
    throw new PageError(
      `This film hides ${byNetwork}.`,
      "The program reveals it; this page reveals files that are hidden in films byte for byte.",
    );
  }
  return record && { ...record, whole: reading.whole };
}

const nothingIn = (codec) =>
  new PageError(
    nothingOpens().message,
    `The key is a different one, or ${codec} kept nothing of what was hidden; films that survive being encoded again,` +
      " and MP4s that stayed what they were, are revealed by the program.",
  );
