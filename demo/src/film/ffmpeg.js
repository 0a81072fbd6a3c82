/** FFmpeg in WebAssembly, as its command line: a command runs in this worker until it ends. */

import wasm from "@ffmpeg/core/wasm?url";

import { download } from "../network/download.js";

const [READ_ONLY, WRITE_ONLY] = [0o444, 0o222];
const MAJOR = 64; // of the devices; FFmpeg's own have lower numbers
const NO_SPACE = 51; // WASI's number of ENOSPC
const CHARACTER_DEVICE = 0o020000;

/** Loads FFmpeg, of 31 MB. */
export async function openFfmpeg(onProgress) {
  const wasmBinary = await download(new URL(wasm, import.meta.url).href, onProgress);
  const { default: createCore } = await import("@ffmpeg/core");
  return new Ffmpeg(await createCore({ wasmBinary }));
}

/** FFmpeg, and the files that it sees. */
class Ffmpeg {
  #core;
  #devices = 0;

  constructor(core) {
    this.#core = core;
  }

  /** Makes a file readable, without loading it; returns its path. */
  mount(data) {
    const folder = `/in${this.#devices++}`;
    this.#core.FS.mkdir(folder);
    this.#core.FS.mount(this.#core.FS.filesystems.WORKERFS, { blobs: [{ name: "film", data }] }, folder);
    return `${folder}/film`;
  }

  /**
   * A file whose bytes come from a function; returns its path, as `sink`.
   *
   * @param {(into: Uint8Array) => number} read fills the beginning, and returns how much; 0 at the end
   */
  source(read) {
    return this.#device(READ_ONLY, {
      read: (stream, buffer, offset, length) => read(buffer.subarray(offset, offset + length)),
    });
  }

  /** A file whose bytes go to a function. @param {(bytes: Uint8Array) => boolean} write false ends the command */
  sink(write) {
    return this.#device(WRITE_ONLY, {
      write: (stream, buffer, offset, length) => {
        if (!write(buffer.subarray(offset, offset + length))) throw new this.#core.FS.ErrnoError(NO_SPACE);
        return length;
      },
    });
  }

  /** Runs a command, given the options of `ffmpeg`, and tells each line of its log; returns if it succeeded. */
  run(options, onLine) {
    this.#core.setLogger(({ message }) => onLine(message));
    this.#core.reset();
    return this.#core.exec("-hide_banner", "-nostats", ...options) === 0;
  }

  /** A file that a command wrote; it is removed. */
  take(path) {
    const bytes = this.#core.FS.readFile(path);
    this.#core.FS.unlink(path);
    return bytes;
  }

  #device(mode, operations) {
    const { FS } = this.#core;
    const path = `/dev/film${this.#devices}`;
    const number = FS.makedev(MAJOR, this.#devices++);
    FS.registerDevice(number, { open: (stream) => (stream.seekable = false), ...operations });
    FS.mkdev(path, CHARACTER_DEVICE | mode, number);
    return path;
  }
}
