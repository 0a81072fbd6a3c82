/** The program on this machine, which gets the files as they are. @type {import("../main.js").Backend} */

import { readAny } from "../form/read.js";
import { ask } from "./ask.js";
import { setUpDevice } from "./device.js";
import { showContainer, showSecret } from "./results.js";
import { progressOf } from "./stages.js";
import { work } from "./work.js";

const RATE = 24; // frames per second of a film, if not fewer

export const program = {
  setUpDevice,
  ready: async () => {},
  ...{ readCover: readAny, readSecret: readAny, readContainer: readAny }, // also what the browser can't show, such as HEIC
  films: {
    lossless: {
      label: "Film without loss (MKV)",
      note: "Many times as large as the cover. It must arrive bit for bit: send it as a file.",
      suffix: ".mkv",
    },
    robust: {
      label: "H.264 film (MP4)",
      note: "An ordinary film, which survives H.264 at CRF 23 and better, as many sites encode it. It has little room, and takes minutes to make.",
      suffix: ".mp4",
      survives: "h264:23",
    },
  },
  forecast,
  passphrases: { make: newPassphrase, judge: noteOn },
  gatherHiding,
  gatherRevealing,
  work,
  progressOf,
  showContainer,
  asFile,
  showSecret,
};

/** As `stegnet info` says it; empty if the browser can't show the cover, so that its size is not known. */
async function forecast({ file, bitmap, film, isJpeg }, secret, { channel, suffix }) {
  const { width, height, seconds } = film ?? bitmap ?? {};
  if (!width) return "";
  const frames = seconds ? Math.max(1, Math.floor(RATE * seconds)) : 1;
  const sides = secret.bitmap ? { width: secret.bitmap.width, height: secret.bitmap.height } : {};
  const asked = { name: secret.name, size: secret.file.size, film: Boolean(secret.film), ...sides };
  const question = { cover: { width, height, frames }, secret: asked, survive: channel, suffix };
  const { room, text } = isJpeg && !channel && suffix === ".jpg" ? await roomIn(file, question) : {};
  return text ?? (await ask("forecast", { ...question, room })).text ?? "";
}

const rooms = new WeakMap(); // in covers, by the secret's name

/** The room in a cover by what is in its file, which is passed once for each name; or a text that says why there is none. */
function roomIn(file, question) {
  if (!rooms.has(file)) rooms.set(file, new Map());
  const [told, { name }] = [rooms.get(file), question.secret];
  if (!told.has(name)) {
    const cover = { ...question.cover, file: { name: file.name, size: file.size } };
    told.set(name, ask("room", { ...question, cover }, file));
  }
  return told.get(name);
}

/** Random words as `stegnet keygen --passphrase-words` prints them. */
async function newPassphrase() {
  const { passphrase = "", text = "" } = await ask("words", {});
  return { passphrase, note: `${text} Keep it, and send it another way than the picture.` };
}

/** How fast a weak passphrase is guessed. */
async function noteOn(passphrase) {
  const { text } = await ask("weakness", { passphrase });
  return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : "";
}

/** The program chooses the method, unless the container is to survive a channel. */
function gatherHiding({ cover, secret, container: { channel, suffix }, keyInput }) {
  const files = [cover.file, secret.file];
  const what = { files, key: sent(keyInput), suffix, survive: channel };
  return { job: "hide", what, transfer: [] };
}

function gatherRevealing({ container, keyInput }) {
  return { job: "reveal", what: { files: [container.file], key: sent(keyInput) }, transfer: [] };
}

async function asFile({ url }, name) {
  const response = await fetch(url);
  return new File([await response.blob()], name);
}

/** A key as the program takes it: a passphrase, or 32 bytes in base 64. */
const sent = ({ file, passphrase }) => (file ? { file: btoa(String.fromCharCode(...file)) } : { passphrase });
