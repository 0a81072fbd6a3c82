/** Writing films without loss, FFV1 in Matroska, as the program does; frames get to FFmpeg in Matroska (RFC 9559), too. */

import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { join } from "../../../stegnet/gui/browser/format/bytes.js";

const OUT = "/container.mkv";
const LEAST_SIDE = 16; // FFV1 can't split smaller pictures into four slices,
const MOST_PIXELS = 2 ** 27 / 27; // and no slice may have more pixels
// Tags that describe the cover's file, not the film.
const FILE_TAGS = ["encoder", "major_brand", "minor_version", "compatible_brands", "creation_time"];

/**
 * Writes a film with the sound, chapters and tags of its cover.
 *
 * @param {(index: number) => Uint8Array} frameOf samples of a frame
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
      ...["-map", "0:v", "-map", "1:a?", "-map_metadata", info.keepsTags ? "1" : "-1", "-map_chapters", "1", "-c:a", "copy"],
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

/** Four, or as many as FFmpeg takes by itself. */
function slices({ width, height }) {
  if (Math.ceil(width / 2) * Math.ceil(height / 2) > MOST_PIXELS) return [];
  return ["-slices", Math.min(width, height) < LEAST_SIDE ? "1" : "4"];
}

/** A function that copies the next bytes of parts. */
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

const text = new TextEncoder();
const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]; // size of the segment
const MILLISECOND = 1_000_000; // in nanoseconds
const KEY_FRAME = 0x80;
const RGB = text.encode("RGB\x18");

/** The parts of a film, to be joined. @param {(index: number) => Uint8Array} frameOf samples of a frame */
function* rawFilm({ width, height, rate, times }, frameOf) {
  const video = element([0xe0], number([0xb0], width), number([0xba], height), element([0x2e, 0xb5, 0x24], RGB));
  const duration = number([0x23, 0xe3, 0x83], Math.round(1e9 / rate));
  const codec = element([0x86], text.encode("V_UNCOMPRESSED"));
  const track = element([0xae], number([0xd7], 1), number([0x73, 0xc5], 1), number([0x83], 1), duration, codec, video);
  yield join(
    element([0x1a, 0x45, 0xdf, 0xa3], element([0x42, 0x82], text.encode("matroska"))),
    [0x18, 0x53, 0x80, 0x67],
    UNKNOWN,
    element([0x15, 0x49, 0xa9, 0x66], number([0x2a, 0xd7, 0xb1], MILLISECOND)),
    element([0x16, 0x54, 0xae, 0x6b], track),
  );
  for (const [index, time] of milliseconds(times).entries()) {
    const frame = frameOf(index);
    const [stamp, head] = [number([0xe7], time), [0x81, 0, 0, KEY_FRAME]]; // track 1, at the cluster's time
    const block = join([0xa3], size(head.length + frame.length), head);
    yield join([0x1f, 0x43, 0xb6, 0x75], size(stamp.length + block.length + frame.length), stamp, block);
    yield frame;
  }
}

/** Times in milliseconds, each after the one before. @param {number[]} times in seconds */
function milliseconds(times) {
  let last = -1;
  return times.map((time) => (last = Math.max(Math.round(1000 * time), last + 1)));
}

/** An element of Matroska. */
function element(id, ...parts) {
  const data = join(...parts);
  return join(id, size(data.length), data);
}

const number = (id, value) => element(id, bytesOf(value, 6));

/** A size, as a variable-length integer of 8 bytes. */
const size = (value) => [0x01, 0, ...bytesOf(value, 6)];

/** Bytes of an integer below 2⁴⁸, big-endian. */
const bytesOf = (value, count) =>
  Array.from({ length: count }, (_, at) => Math.floor(value / 256 ** (count - 1 - at)) % 256);
