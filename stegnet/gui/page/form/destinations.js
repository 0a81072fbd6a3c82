/** Where containers are sent, as `stegnet hide --for` names it, and what they survive on the way. */

const AS_FILE = {
  label: "as a file",
  survives: "being copied as a file",
  not: "being sent as a photo or video",
};
const OF_SOUND = {
  ...AS_FILE,
  survives: "being copied as a file, and converted between WAV and FLAC at its bits and rate",
  not: "being encoded as MP3, AAC or Opus",
};

export const CHANNEL = "channel"; // destination of a container for an app whose channel's file is given

/** That app. @type {Destination} */
export const KNOWN_APP = {
  label: "to a known app",
  survives: "being sent through this app",
  not: "being sent through another, or cropped",
  suffix: ".jpg",
  note: "The cover is turned and reduced to a size that the app leaves alone, and saved with the app’s tables.",
};

/**
 * A place that a container is sent to; `suffix` is that of its name; note: on what else hiding for it means.
 *
 * @typedef {{label: string, survives: string, not: string, suffix: string, note?: string}} Destination
 *
 * Destinations of pictures, films and sounds by name; the first is chosen until the visitor chooses another.
 *
 * @type {Object<string, Object<string, Destination>>}
 */
export const DESTINATIONS = {
  sound: { file: { ...OF_SOUND, suffix: ".wav" } },
  picture: {
    file: { ...AS_FILE, suffix: ".png" },
    messenger: {
      label: "to a messenger",
      survives: "being sent as a photo (reduced to 1280 pixels, saved twice as JPEG 70 or better)",
      not: "being cropped",
      suffix: ".jpg",
    },
    website: {
      label: "to a website",
      survives: "being saved again as JPEG 75 or better",
      not: "being reduced or cropped",
      suffix: ".jpg",
    },
    resize: {
      label: "somewhere that reduces it",
      survives: "being reduced, to no less than half its width and height, and saved again as JPEG 75 or better",
      not: "being cropped",
      suffix: ".jpg",
    },
  },
  film: {
    file: { ...AS_FILE, suffix: ".mkv", note: "It is a lossless MKV, many times larger than the cover." },
    messenger: {
      label: "to a messenger",
      survives: "being sent as a video (reduced to 848 pixels, encoded again)",
      not: "being cropped",
      suffix: ".mp4",
      note: "Hiding may take minutes.",
    },
    website: {
      label: "to a website",
      survives: "being encoded again as H.264 of the usual quality",
      not: "being reduced or cropped",
      suffix: ".mp4",
      note: "Hiding may take minutes.",
    },
  },
};
