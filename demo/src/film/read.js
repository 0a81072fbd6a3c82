/** Reading films: their frames as ffmpeg's command line converts them to 8-bit RGB, with their times. */

import { PageError } from "../../../stegnet/gui/browser/errors.js";

const MAX_BYTES = 2 ** 29; // of all frames: 776 of 640×360 pixels
// As the program converts colours: to bgr0, as the command line does for FFV1; the bytes are then put in order.
const FILTERS = "format=bgr0,format=rgb24,showinfo=checksum=0";
const PIXEL = 3; // bytes
const BROADCAST = ["mpegts", "mpeg"]; // whose clocks do not start at 0
const UNREADABLE = "Convert it to MP4 (H.264), or use the `stegnet` program.";

/**
 * Contents of a film's header.
 *
 * @typedef {object} FilmInfo
 * @property {number} width of a frame as shown
 * @property {number} height
 * @property {number} rate frames per second on average
 * @property {number[]} times of the frames in seconds, in ascending order
 * @property {number} start seconds to subtract from all times of the file, which was done in `times`
 * @property {string} codec of its pictures
 * @property {boolean} hasPlace true if its tags say where it was taken
 */

/**
 * Decodes a film.
 *
 * @param {(done: number, total: number) => void} onProgress in seconds of the film
 * @throws {PageError} it is no film, damaged, or too long
 */
export function readFilm(ffmpeg, path, onFrame, onProgress) {
  const log = new Log(onProgress);
  ffmpeg.run(["-i", path], (line) => log.add(line));
  if (!log.codec) throw new PageError("This file can't be read as a film.", UNREADABLE);
  if (log.duration * log.rate * PIXEL * log.width * log.height > 1.25 * MAX_BYTES) throw tooLong(log);
  const frames = new Frames(log, onFrame);
  const out = ffmpeg.sink((bytes) => frames.take(bytes));
  const options = ["-copyts", "-i", path, "-map", "0:V:0", "-vf", FILTERS, "-fps_mode", "passthrough"];
  const done = ffmpeg.run(["-xerror", ...options, "-f", "rawvideo", out], (line) => log.add(line));
  if (frames.isTooLong) throw tooLong(log);
  if (!done || !frames.count) {
    throw new PageError(`The film is damaged after ${frames.count} frames.`, "Copy it again from its source.");
  }
  const start = BROADCAST.includes(log.format) ? log.start : 0;
  let last = -Infinity; // each time is at least one unit after the one before
  const times = log.stamps.map((stamp) => {
    last = Math.max(stamp, last + 1);
    return last * log.unit - start;
  });
  return { width: log.width, height: log.height, rate: log.rate, times, start, codec: log.codec, hasPlace: log.hasPlace };
}

function tooLong({ width, height }) {
  const most = Math.floor(MAX_BYTES / (PIXEL * width * height));
  return new PageError(
    `The film is too long for this page, which reads up to ${most} frames of ${width} × ${height} pixels.`,
    "Use a shorter film, or the `stegnet` program, which reads any.",
  );
}

/** Frames from the bytes that FFmpeg writes. */
class Frames {
  count = 0;
  isTooLong = false;
  #log;
  #onFrame;
  #data = null;
  #filled = 0;

  constructor(log, onFrame) {
    this.#log = log;
    this.#onFrame = onFrame;
  }

  /** @returns {boolean} false if there were too many in all */
  take(bytes) {
    const { width, height } = this.#log;
    const size = PIXEL * width * height;
    for (let at = 0; at < bytes.length;) {
      if (!this.#filled) this.isTooLong = (this.count + 1) * size > MAX_BYTES;
      if (this.isTooLong) return false;
      this.#data ??= new Uint8Array(size);
      const part = bytes.subarray(at, at + size - this.#filled);
      this.#data.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < size) break;
      this.#onFrame({ width, height, data: this.#data }, this.count++);
      [this.#data, this.#filled] = [null, 0];
    }
    return true;
  }
}

/** Facts on a film from FFmpeg's log. */
class Log {
  codec = "";
  format = "";
  stamps = [];
  start = 0;
  duration = 0;
  unit = 0;
  rate = 25;
  width = 0;
  height = 0;
  hasPlace = false;
  #onProgress;

  constructor(onProgress) {
    this.#onProgress = onProgress;
  }

  add(line) {
    const frame = line.match(/showinfo.* n: *\d+ pts: *(-?\d+|NOPTS) .* s:(\d+)x(\d+)/);
    if (frame) {
      const [pts, ...size] = frame.slice(1);
      this.stamps.push(pts === "NOPTS" ? this.stamps.length : Number(pts));
      [this.width, this.height] = size.map(Number);
      this.#onProgress(this.stamps.at(-1) * this.unit, this.duration);
    }
    const config = line.match(/config in time_base: (\d+)\/(\d+), frame_rate: (\d+)\/(\d+)/);
    if (config) {
      const [numerator, denominator, frames, seconds] = config.slice(1).map(Number);
      this.unit = numerator / denominator;
      if (frames && seconds) this.rate = frames / seconds;
    }
    this.hasPlace ||= /^ +[\w.]*location[\w.-]* *: /i.test(line);
    const input = line.match(/^Input #0, ([^,]+)/);
    if (input) this.format = input[1];
    const length = line.match(/Duration: (\d+):(\d+):([\d.]+).* start: (-?[\d.]+)/);
    if (length) {
      const [hours, minutes, seconds, start] = length.slice(1).map(Number);
      [this.duration, this.start] = [3600 * hours + 60 * minutes + seconds, start];
    }
    const stream = line.match(/Stream #0:.*Video: (\w+).*, (\d+)x(\d+)/);
    if (stream && !this.codec) {
      [this.codec, this.width, this.height] = [stream[1], Number(stream[2]), Number(stream[3])];
    }
    const rate = line.match(/Stream #0:.*Video: .* ([\d.]+) fps/);
    if (rate) this.rate = Number(rate[1]);
  }
}
