/** The page: passes dropped files to what does the work, and shows the results. */

import { button, make, notice } from "./elements.js";
import { PageError } from "./errors.js";
import { catchStrayDrops, makeDrop } from "./form/drop.js";
import { makeJob } from "./form/job.js";
import { makeKey } from "./form/key.js";
import { makeSecret } from "./form/secret.js";
import { makeSend } from "./form/send.js";
import { setUpTabs, show } from "./form/tabs.js";

/**
 * What does the page's work: a worker of the page itself, or the program on this machine.
 *
 * @typedef {object} Backend
 * @property {() => Promise<() => string>} setUpDevice shows where the work is done; returns a getter of the device
 * @property {(file: File) => Promise<import("./form/read.js").Chosen>} readCover throws PageError, as all that read
 * @property {(file: File) => Promise<import("./form/read.js").Chosen>} readSecret
 * @property {(file: File) => Promise<import("./form/read.js").Chosen>} readContainer
 * @property {string} [covers] file types that are offered as covers
 * @property {Object<string, string[]>} destinations by kind of cover, that its containers are made for, of DESTINATIONS
 * @property {(onchange: () => void) => import("./form/send.js").KnownChannel} [makeChannel] lets the visitor choose the
 *   channel of an app; absent where containers can't be made for one
 * @property {Object<string, string>} [notes] by kind of cover, on containers that arrive as files, in place of the usual
 * @property {(cover: object, secret: object, container: import("./form/send.js").Container) =>
 *   Promise<import("./form/send.js").Forecast>} forecast what fits into a cover, and what gives it away
 * @property {import("./form/passphrase.js").Passphrases} passphrases
 * @property {(identity: Uint8Array) => Promise<Uint8Array>} [recipientOf] gives an identity's public key; absent where
 *   nothing is hidden for recipients, and revealed by identities
 * @property {(form: object) => Job | Promise<Job>} gatherHiding from the form's `cover`, `secret`, `container`,
 *   `keyInput` and `device`, and `larger`: the suffix of a larger file, if its error offered one
 * @property {(form: object) => Job | Promise<Job>} gatherRevealing from the form's `container`, `keyInput` and
 *   `device`
 * @property {(job: Job, onProgress: (...stage: any[]) => void, signal: AbortSignal, onWarning: (line: string) => void) =>
 *   Promise<object>} work does a job, and returns its result; onWarning: is told, before the work begins, what will give
 *   the container away; throws PageError, or the signal's reason
 * @property {(job: Job) => (...stage: any[]) => {value: number | null, text: string}} progressOf what is shown of a stage
 *   that `work` has reported; value: of the bar, up to 100; null if it is unknown
 * @property {(job: string, form: HTMLFormElement, result: object, context: Context) => void} showContainer
 * @property {(result: object, name: string) => Promise<File>} asFile a container that was made
 * @property {(form: HTMLFormElement, result: object) => void} showSecret
 *
 * @typedef {{job: string, what: object, transfer: Transferable[]}} Job its name and input; transfer: the part of it that
 *   is transferred
 *
 * What containers are shown with.
 *
 * @typedef {object} Context
 * @property {string} name of the saved file
 * @property {Node | null} reveal button that reveals it here; null if only what arrives of it can be revealed
 * @property {string} survives a sentence on what the container survives
 * @property {boolean} isExample true if the cover is one of the page's own
 */

const [hiding, revealing] = document.querySelectorAll("form");
const isHiding = () => !document.getElementById("hide").hidden;

const EITHER = "image/*,video/*";

async function setUp(backend) {
  const device = await backend.setUpDevice();
  const stray = make("div");
  const onchange = () => stray.remove();
  const reveal = setUpRevealing(backend, device, onchange);
  const hide = setUpHiding(backend, device, onchange, reveal.use);
  const zones = () => (isHiding() ? hide.zones : reveal.zones);
  setUpPasting(zones);
  catchStrayDrops((file) => {
    stray.replaceChildren(notice(strayed(file, zones())));
    (isHiding() ? hiding : revealing).prepend(stray);
    stray.scrollIntoView({ block: "nearest" });
  });
  const [cover, secret] = hide.zones;
  await Promise.all([cover.useExample(), secret.useExample()]);
  document.documentElement.dataset.ready = "";
}

/** The form that hides. @param {(file: File, keyInput: object) => void} revealHere reveals a container of it */
function setUpHiding(backend, device, onchange, revealHere) {
  const zones = {};
  const chosen = () => ({ cover: zones.cover?.value, secret: zones.secret?.value });
  const send = makeSend(hiding.querySelector(".send"), chosen, backend);
  const changed = () => {
    onchange();
    send.update();
    document.getElementById("examples-note").hidden = !Object.values(chosen()).some((value) => value?.isExample);
  };
  const cover = { accept: backend.covers ?? EITHER, read: backend.readCover, ask: "A cover", onchange: changed };
  zones.cover = makeDrop(section("cover"), cover);
  zones.secret = makeSecret(section("secret"), backend.readSecret, changed);
  const key = makeKey(hiding.querySelector(".key"), backend);
  makeJob(hiding, backend, { ask, gather: backend.gatherHiding, done });
  return { zones: [zones.cover, zones.secret] };

  async function ask({ meant }) {
    const [seen, hidden] = await Promise.all([zones.cover, zones.secret].map(filled));
    if (!meant && hidden.isExample && !seen.isExample) throw unmeant("The secret is still the example.");
    if (!meant && !hidden.file.size) throw unmeant("The secret is empty.");
    return { cover: seen, secret: hidden, container: send.container(), keyInput: key.keyInput(), device: device() };
  }

  function done(result, { cover: seen, container, keyInput }, job) {
    const name = nameLike(seen, container.suffix);
    const { survives, channel } = container;
    const revealIt = async () => revealHere(await backend.asFile(result, name), keyInput);
    const canReveal = !channel && !keyInput.recipient; // what arrives through a channel is revealed, and by an identity
    const reveal = canReveal ? button("Reveal it here", revealIt) : null;
    backend.showContainer(job, hiding, result, { name, reveal, survives, isExample: seen.isExample });
  }
}

/** The form that reveals; `use` gives it a container and, if its key is a file, that, and starts it. */
function setUpRevealing(backend, device, onchange) {
  const container = makeDrop(section("container"), {
    accept: backend.covers ?? EITHER,
    read: backend.readContainer,
    ask: "A container",
    onchange,
  });
  const key = makeKey(revealing.querySelector(".key"), backend);
  const ask = async () => ({ container: await filled(container), keyInput: key.keyInput(), device: device() });
  const done = (result) => backend.showSecret(revealing, result);
  makeJob(revealing, backend, { ask, gather: backend.gatherRevealing, done });
  return { zones: [container], use };

  async function use(file, keyInput) {
    show("reveal");
    await container.use(file);
    key.put(keyInput);
    if (keyInput.file) revealing.requestSubmit();
  }
}

const unmeant = (problem) => new PageError(problem, "Choose or type what you mean.", { unmeant: true });

/** File name of the container: its cover's, which gives no secret away. */
const nameLike = (cover, suffix) => `${cover.name.replace(/\.\w+$/, "") || "picture"}${suffix}`;

const section = (name) => document.querySelector(`[data-drop="${name}"]`);

/** The value of a zone, after what is still being read. */
async function filled(zone) {
  await zone.reading;
  if (zone.value) return zone.value;
  throw new PageError(`There is no ${zone.section.dataset.drop}.`, "Drop one, paste one, or choose a file.");
}

/** Pastes a picture into the focused drop zone, otherwise into the first empty one. */
function setUpPasting(zones) {
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (!file) return;
    const shown = zones();
    const focused = shown.find((zone) => zone.section.contains(document.activeElement));
    (focused ?? shown.find((zone) => !zone.value) ?? shown[0]).use(file);
  });
}

function strayed(file, zones) {
  const names = zones.map((zone) => zone.section.dataset.drop);
  return new PageError(`${file.name} was dropped in the wrong place.`, `Drop it on the ${names.join(" or the ")}.`);
}

function missingFeature() {
  if (!crypto.subtle) return "This page was not loaded securely, so it can’t encrypt.";
  if (!("OffscreenCanvas" in window && "DecompressionStream" in window))
    return "This browser is too old for this page.";
  return "";
}

/** Sets up the page. @param {Backend} backend */
export function start(backend) {
  setUpTabs();
  const missing = missingFeature();
  if (missing) {
    const place = document.getElementById("unable");
    place.hidden = false;
    place.append(notice(new PageError(missing, "Use a current browser, and open this page over https.")));
  } else {
    setUp(backend); // not awaited: modules that are loaded later import others of the page, and would wait for its end
  }
}
