/** The program on this machine, which gets the files as they are. @type {import("../main.js").Backend} */

import { CHANNEL, DESTINATIONS } from "../form/destinations.js";
import { readAny } from "../form/read.js";
import { ask } from "./ask.js";
import { makeChannel } from "./channel.js";
import { setUpDevice } from "./device.js";
import { showContainer, showSecret } from "./results.js";
import { progressOf } from "./stages.js";
import { gone, sentence, work } from "./work.js";

const RATE = 24; // frames per second of a film, if not fewer
const MOST_PASSED = 2 ** 28; // bytes of a cover that is passed before its job

export const program = {
  setUpDevice,
  ...{ readCover: readAny, readSecret: readAny, readContainer: readAny }, // also what the browser can't show, such as HEIC
  covers: "image/*,video/*,.wav,.flac",
  destinations: Object.fromEntries(Object.entries(DESTINATIONS).map(([kind, all]) => [kind, Object.keys(all)])),
  makeChannel,
  notes: { film: "An MP4 stays one if its own H.264 can hold the secret." },
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

/**
 * As `stegnet info` and `hide` say it; of a cover that the browser can't show, only where it is sent as a file, or for a
 * known channel.
 */
async function forecast(cover, secret, container) {
  const { file, bitmap, film } = cover;
  const { destination, safe, channel } = container;
  const suffix = suffixOf(cover, container);
  const channelFile = channel?.file();
  if (channel && !channelFile) return { text: "" };
  const { width = 0, height = 0, seconds } = film ?? bitmap ?? {};
  const frames = seconds ? Math.max(1, Math.floor(RATE * seconds)) : 1;
  const sides = secret.bitmap ? { width: secret.bitmap.width, height: secret.bitmap.height } : {};
  const asked = { name: secret.name, size: secret.file.size, film: Boolean(secret.film), ...sides };
  const question = { cover: { width, height, frames }, secret: asked, destination, suffix, safe };
  const isMeasured = ["file", CHANNEL].includes(destination) && file.size <= MOST_PASSED;
  const { text, history, larger, grows, place, anew, ...known } = isMeasured ? await capacityOf(file, question, channelFile) : {};
  const grown = larger && { message: sentence(larger.message, [file]), hint: sentence(larger.hint) };
  if (text || !(width || known.capacity)) return { text: sentence(text ?? "", [file, channelFile ?? file]), history, grown, place, anew: sentence(anew ?? "", [file]) };
  const answer = await ask("forecast", { ...question, ...known });
  const growing = grows ? `The container gets ${grows}.` : "";
  return { text: [sentence(answer.text ?? ""), growing].filter(Boolean).join(" "), history, grown, place, anew: sentence(anew ?? "", [file]) };
}

const capacities = new WeakMap(); // by cover, by channel (or again the cover), by the container's suffix and the secret's name

/**
 * Capacity of a cover and its history, by what is in its file, which is passed once for each name and channel; or a text
 * that says why it has none.
 */
function capacityOf(file, question, channelFile) {
  if (!capacities.has(file)) capacities.set(file, new WeakMap());
  const [byChannel, of] = [capacities.get(file), channelFile ?? file];
  if (!byChannel.has(of)) byChannel.set(of, new Map());
  const [told, asked] = [byChannel.get(of), `${question.suffix} ${question.secret.name}`];
  if (!told.has(asked)) {
    const cover = { ...question.cover, file: about(file) };
    const channel = channelFile ? { channel: about(channelFile) } : {};
    const files = channelFile ? [file, channelFile] : [file];
    told.set(asked, ask("capacity", { ...question, cover, ...channel }, ...files));
  }
  return told.get(asked);
}

const about = ({ name, size }) => ({ name, size });

/** Random words as `stegnet keygen --passphrase-words` prints them. */
async function newPassphrase() {
  const { passphrase, text } = await ask("words", {});
  if (!passphrase) return { passphrase: "", note: gone().message };
  return { passphrase, note: `${text} Keep it, and send it separately from the picture.` };
}

/** How fast a weak passphrase is guessed. */
async function noteOn(passphrase) {
  const { text } = await ask("weakness", { passphrase });
  return sentence(text ?? "");
}

/** The program chooses the method by where the container is sent. */
async function gatherHiding({ cover, secret, container, keyInput, larger, meant = false }) {
  const { destination, safe, keepsPlace, channel } = container;
  const suffix = larger ?? suffixOf(cover, container);
  const files = [cover.file, secret.file, ...(channel ? [await channel.needed()] : [])];
  const what = { files, key: sent(keyInput), suffix, destination, safe, place: keepsPlace, meant };
  return { job: "hide", what, transfer: [] };
}

/** Suffix of the container, where the visitor has chosen it; else the program does. */
const suffixOf = ({ isJpeg }, { destination, suffix }) => (isJpeg || destination !== "file" ? suffix : "");

function gatherRevealing({ container, keyInput }) {
  return { job: "reveal", what: { files: [container.file], key: sent(keyInput) }, transfer: [] };
}

async function asFile({ url, name }) {
  const response = await fetch(url);
  return new File([await response.blob()], name);
}

/** A key as the program expects it: a passphrase, or 32 bytes in base 64. */
const sent = ({ file, passphrase }) => (file ? { file: btoa(String.fromCharCode(...file)) } : { passphrase });
