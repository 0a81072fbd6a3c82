/** Uncompressed films in Matroska (RFC 9559): how frames get to FFmpeg with their times. */

import { join } from "../format/bytes.js";

const text = new TextEncoder();
const UNKNOWN = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]; // size of the segment
const MILLISECOND = 1_000_000; // in nanoseconds
const KEY_FRAME = 0x80;
const RGB = text.encode("RGB\x18");

/**
 * The parts of a film, to be joined.
 *
 * @param {import("./read.js").FilmInfo} info
 * @param {(index: number) => Uint8Array} frameOf samples of a frame
 */
export function* rawFilm({ width, height, rate, times }, frameOf) {
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
export function milliseconds(times) {
  let last = -1;
  return times.map((time) => (last = Math.max(Math.round(1000 * time), last + 1)));
}

/** An element of Matroska. @param {number[]} id */
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
