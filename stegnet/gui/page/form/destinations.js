/** Where containers are sent, as `stegnet hide --for` names it, and what they survive on the way. */

const AS_FILE = {
  label: "as a file",
  survives: "being copied as a file",
  not: "being encoded again, as messengers do",
};

/**
 * A place that a container is sent to; `suffix` is that of its name.
 *
 * @typedef {{label: string, survives: string, not: string, suffix: string, note: string}} Destination
 *
 * Destinations of pictures, films and sounds by name; the first is chosen until the visitor chooses another.
 *
 * @type {Object<string, Object<string, Destination>>}
 */
export const DESTINATIONS = {
  sound: { file: { ...AS_FILE, not: "being encoded as MP3, AAC or Opus", suffix: ".wav", note: "" } },
  picture: {
    file: { ...AS_FILE, suffix: ".png", note: "" },
    messenger: {
      label: "as a photo by a messenger",
      survives: "being sent as a photo (reduced to 1600 pixels, saved twice as JPEG 70 or better)",
      not: "cropping",
      suffix: ".jpg",
      note: "",
    },
    website: {
      label: "to a website",
      survives: "being saved again as JPEG 75 or better",
      not: "being reduced or cropped",
      suffix: ".jpg",
      note: "",
    },
    resize: {
      label: "it may be reduced",
      survives: "being reduced to half its size at most, and saved again as JPEG 75 or better",
      not: "cropping",
      suffix: ".jpg",
      note: "",
    },
    crop: {
      label: "it may be cropped",
      survives: "being cropped to half its sides at most, and saved again as JPEG 75 or better",
      not: "being reduced",
      suffix: ".jpg",
      note: "It requires a key file.",
    },
  },
  film: {
    file: { ...AS_FILE, suffix: ".mkv", note: "It is a lossless film (MKV), many times larger than the cover." },
    messenger: {
      label: "as a video by a messenger",
      survives: "being sent as a video (reduced to 848 pixels, encoded again)",
      not: "cropping",
      suffix: ".mp4",
      note: "Hiding may take minutes.",
    },
    website: {
      label: "to a website",
      survives: "being encoded again as H.264 at CRF 23 or better",
      not: "being reduced or cropped",
      suffix: ".mp4",
      note: "Hiding may take minutes.",
    },
  },
};
