/** Writing films without loss: FFV1 in Matroska, as the program does. */

import { PageError } from "../errors.js";
import { rawFilm } from "./raw.js";

const OUT = "/container.mkv";
const LEAST_SIDE = 16; // FFV1 can't split smaller pictures into four slices,
const MOST_PIXELS = 2 ** 27 / 27; // and no slice may have more pixels
// Tags that describe the cover's file, not the film.
const FILE_TAGS = ["encoder", "major_brand", "minor_version", "compatible_brands", "creation_time"];

/**
 * Writes a film with the sound, chapters and tags of its cover.
 *
 * @param {import("./ffmpeg.js").Ffmpeg} ffmpeg
 * @param {string} cover its path
 * @param {import("./read.js").FilmInfo} info
 * @param {(index: number) => Uint8Array} frameOf samples of a frame
 * @returns {Uint8Array} an MKV file
 * @throws {PageError} Matroska can't hold its sound
 */
export function writeFilm(ffmpeg, cover, info, frameOf) {
  const shift = Math.max(0, -info.times[0]); // a film that starts before time 0 is moved there
  const moved = { ...info, times: info.times.map((time) => time + shift) };
  const raw = ffmpeg.source(reader(rawFilm(moved, frameOf)));
  const lines = [];
  const done = ffmpeg.run(
    [
      ...["-copyts", "-f", "matroska", "-i", raw, "-itsoffset", String(shift - info.start), "-i", cover],
      ...["-map", "0:v", "-map", "1:a?", "-map_metadata", "1", "-map_chapters", "1", "-c:a", "copy"],
      ...FILE_TAGS.flatMap((tag) => ["-metadata", `${tag}=`]),
      ...["-c:v", "ffv1", "-pix_fmt", "bgr0", "-level", "3", "-g", "1", "-slicecrc", "1"],
      ...slices(info),
      ...["-fps_mode", "passthrough", "-enc_time_base", "1:1000"],
      ...["-avoid_negative_ts", "disabled", "-max_interleave_delta", "500000", "-f", "matroska", OUT],
    ],
    (line) => lines.push(line),
  );
  if (done) return ffmpeg.take(OUT);
  throw new PageError(
    `The film could not be written: ${lines.findLast((line) => /error|not/i.test(line)) ?? "no reason given"}`,
    "If its sound is the cause, convert that to AAC first.",
  );
}

/** Four, or as many as FFmpeg takes by itself. @param {import("./read.js").FilmInfo} info */
function slices({ width, height }) {
  if (Math.ceil(width / 2) * Math.ceil(height / 2) > MOST_PIXELS) return [];
  return ["-slices", Math.min(width, height) < LEAST_SIDE ? "1" : "4"];
}

/** A function that copies the next bytes of parts. @param {Iterator<Uint8Array>} parts */
function reader(parts) {
  let part = new Uint8Array();
  return (into) => {
    while (!part.length) {
      const { value, done } = parts.next();
      if (done) return 0;
      part = value;
    }
    const now = part.subarray(0, into.length);
    into.set(now);
    part = part.subarray(now.length);
    return now.length;
  };
}

