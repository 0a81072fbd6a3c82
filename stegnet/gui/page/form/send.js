/** Choice of where the container is sent, and what is known of the cover before anything is hidden. */

import { EVIDENCE } from "../constants.js";
import { button, make, makeChoice, notice } from "../elements.js";
import { CHANNEL, DESTINATIONS, KNOWN_APP } from "./destinations.js";
import { saysPlace } from "./exif.js";

const FILE = "file";
const JPEG = ".jpg";
const FORMATS = { [JPEG]: "The JPEG itself", ".png": "PNG file" }; // of the container of a JPEG
const RARE = ["resize"]; // places that few need
const KEEPS = "The cover stays a JPEG and keeps its metadata.";
const STAYS = "The cover stays a JPEG.";
const LEFT_OUT = "If it says where it was taken, its metadata is left out.";

/** Of a cover that says where it was taken, by whether that is left out. */
const PLACED = {
  true: { message: "The cover says where it was taken.", hint: "Its container will not: its metadata is left out." },
  false: { message: "The cover says where it was taken, and its container will, too.", hint: "Leave that out?" },
};

/** Of a container that is not as transparent as its cover. */
const OPAQUE = {
  message: "The cover is transparent, and its container will not be: it shows the cover over white.",
  hint: "The program keeps it transparent.",
};

/** What to do about a cover whose lossy past gives its container away. */
const WAYS_OUT = {
  film: "Reduce it to half its sides first, and save it without loss, in RGB.",
  h264: "Use an MP4 of it, which can stay H.264, for small secrets, or reduce it to half its sides first, in RGB.",
  flat: "Use a photograph.",
  staying: "Use one that was saved only once, or reduce it to half its sides first.",
  jpeg: "Let it stay a JPEG, or reduce it to half its sides and save it without loss.",
  other: "Reduce it to half its sides first, and save it without loss.",
};

/**
 * What hiding makes.
 *
 * @typedef {{destination: string, suffix: string, survives: string, safe: boolean, keepsPlace: boolean, channel?: KnownChannel}} Container
 *   destination: a name of DESTINATIONS, or CHANNEL; suffix: of the container's name; survives: a sentence on that; safe:
 *   no more is to be hidden than what is hard to find; keepsPlace: metadata stays that says where the cover was taken;
 *   channel: of CHANNEL
 *
 * The channel of an app that stegnet knows, as the visitor chooses it.
 *
 * @typedef {{node: Node, file: () => File | null, needed: () => Promise<File>}} KnownChannel node: where it is chosen;
 *   file: null if there is none, or nothing can be hidden for it; needed: the same after it was read; throws PageError
 *
 * What is known of a cover before anything is hidden.
 *
 * @typedef {{text: string, history?: string | null, turnsOpaque?: boolean, grown?: {message: string, hint: string}, place?: boolean, anew?: string}}
 *   Forecast text: a sentence on what fits, empty if that is not known; history: the lossy format that the cover has or
 *   had, if that gives the container away; turnsOpaque: true if a transparent cover's container is opaque; grown: on a
 *   container that is many times as large as its cover; place: true if metadata that the container would keep says where
 *   the cover was taken, of a JPEG that is found here, too; anew: says that a JPEG is made anew
 */

/**
 * Sets up the choice in a fieldset. A JPEG that is sent as a file stays one, unless the visitor chooses the larger
 * capacity of a PNG file.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {() => {cover: object | null, secret: object | null}} chosen what is to be hidden, and where
 * @param {import("../main.js").Backend} backend
 * @returns {{container: () => Container, update: () => void}} update: renews the forecast
 */
export function makeSend(fieldset, chosen, { destinations, forecast, makeChannel, notes = {} }) {
  const channel = makeChannel?.(update);
  const choices = Object.fromEntries(Object.keys(destinations).map((kind) => [kind, choiceOf(kind)]));
  const format = makeChoice("hide-format", "Kind of container", FORMATS, update);
  const safe = make("input", { type: "checkbox", id: "hide-safe", onchange: update });
  const safely = make("label", { className: "check", for: safe.id }, safe, "Only as much as is hard to find");
  const place = make("input", { type: "checkbox", id: "hide-place", onchange: update, checked: true });
  const leaving = make("label", { className: "check", for: place.id }, place, "Leave out where it was taken");
  const [note, expected, warned] = [
    make("p", { className: "note" }),
    make("p", { className: "note forecast", role: "status" }),
    make("div", { className: "cover-warning stack" }),
  ];
  const row = make("div", { className: "row wrap" }, format.node, safely, leaving);
  const nodes = Object.values(choices).map(({ node }) => node);
  const legend = make("legend", {}, "Where will it be sent?");
  fieldset.append(legend, ...nodes, ...(channel ? [channel.node] : []), note, row, expected, warned);
  update();
  return { container, update };

  function choiceOf(kind) {
    const names = [...destinations[kind], ...(channel && kind === "picture" ? [CHANNEL] : [])];
    const labels = names.map((name) => [name, placeOf(kind, name).label]);
    const choice = makeChoice(`hide-for-${kind}`, `Destination of the ${kind}`, Object.fromEntries(labels), update);
    keepBack([...choice.node.children].filter(({ firstChild: { value } }) => RARE.includes(value)), choice.node);
    return choice;
  }

  function kind() {
    const { film, sound } = chosen().cover ?? {};
    return sound ? "sound" : film ? "film" : "picture";
  }

  function staysJpeg() {
    return !format.node.hidden && format.value() === JPEG;
  }

  function container() {
    const destination = choices[kind()].value();
    const { suffix, survives, not } = placeOf(kind(), destination);
    return {
      destination,
      suffix: chosen().cover?.sound ?? (staysJpeg() ? JPEG : suffix),
      survives: `The container survives ${survives}, but not ${not}.`,
      safe: !safely.hidden && safe.checked,
      keepsPlace: !place.checked,
      ...(destination === CHANNEL ? { channel } : {}),
    };
  }

  function update() {
    const { cover, secret } = chosen();
    const destination = choices[kind()].value();
    legend.hidden = destinations[kind()].length === 1;
    for (const [each, { node }] of Object.entries(choices)) node.hidden = each !== kind() || legend.hidden;
    format.node.hidden = !cover?.isJpeg || destination !== FILE;
    safely.hidden = kind() === "film" || ![FILE, CHANNEL].includes(destination);
    if (channel) channel.node.hidden = destination !== CHANNEL;
    leaving.hidden = !cover || Boolean(cover.isExample);
    row.hidden = format.node.hidden && safely.hidden && leaving.hidden;
    const usual = (destination === FILE && notes[kind()]) || placeOf(kind(), destination).note;
    const leavesOut = !leaving.hidden && place.checked;
    const about = staysJpeg() ? (leavesOut ? STAYS : KEEPS) : usual;
    note.replaceChildren([container().survives, about, leavesOut && LEFT_OUT].filter(Boolean).join(" "), ...others());
    foretell(cover, secret);
  }

  /** Destinations that the program adds. */
  function others() {
    const names = Object.keys(DESTINATIONS[kind()]).filter((name) => !destinations[kind()].includes(name));
    const labels = names.map((name) => `“${DESTINATIONS[kind()][name].label}”`);
    return names.length ? [` The program also offers ${labels.join(" and ")}.`] : [];
  }

  /** Shows what is known of the cover, unless another is chosen meanwhile. */
  async function foretell(cover, secret) {
    const asked = (expected.asked = {});
    expected.setAttribute("aria-busy", "true");
    const known = cover && secret ? await forecast(cover, secret, container()) : { text: "" };
    if (cover && !cover.isExample && container().suffix === JPEG) known.place ||= await saysPlace(cover.file);
    if (expected.asked !== asked) return;
    expected.textContent = known.text;
    expected.setAttribute("aria-busy", "false");
    const shown = cover ? warnings(cover, known).map((each) => notice(each, "warning")) : [];
    if (warned.textContent !== shown.map(({ textContent }) => textContent).join("")) warned.replaceChildren(...shown);
  }

  function warnings(cover, { history, turnsOpaque, grown, place: isPlaced, anew }) {
    return [
      ...(anew ? [{ message: anew }] : []),
      ...(isPlaced ? [PLACED[place.checked]] : []),
      ...(grown ? [grown] : []),
      ...(turnsOpaque ? [OPAQUE] : []),
      ...(history && !cover.isExample ? [betrayed(history, wayOut(cover, history))] : []),
    ];
  }

  function wayOut({ film, isJpeg }, history) {
    if (EVIDENCE.ASKS_FOR_PHOTOGRAPH.includes(history)) return WAYS_OUT.flat;
    if (film) return history.includes("(h264)") ? WAYS_OUT.h264 : WAYS_OUT.film;
    if (staysJpeg()) return WAYS_OUT.staying;
    return isJpeg ? WAYS_OUT.jpeg : WAYS_OUT.other;
  }
}

/** Hides some places of a choice until they are asked for. */
function keepBack(labels, choice) {
  if (!labels.length) return;
  for (const label of labels) label.hidden = true;
  const more = button("more", () => {
    for (const label of labels) label.hidden = false;
    more.remove();
    labels[0].firstChild.focus();
  });
  choice.append(more);
}

const placeOf = (kind, destination) => (destination === CHANNEL ? KNOWN_APP : DESTINATIONS[kind][destination]);

const betrayed = (history, hint) => ({
  message: `The cover is ${history}: anyone can tell that something is hidden.`,
  hint,
});
