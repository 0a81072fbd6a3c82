/** Choice of the container: a picture without loss, a JPEG that survives a channel, or a film. */

import { make, makeChoice, notice } from "../elements.js";

const CHANNELS = [
  ["jpeg:75", "JPEG 75 and better"],
  ["jpeg:50", "JPEG 50 and better"],
  ["jpeg:90", "JPEG 90 and better"],
  ["jpeg:95", "JPEG 95 and better"],
  ["messenger", "messengers: 1600 pixels, JPEG 70 and better, twice"],
];
const [ITSELF, PNG, JPEG] = ["itself", "png", "jpeg"];
const KINDS = { [ITSELF]: "The JPEG itself", [PNG]: "PNG file", [JPEG]: "JPEG picture" };
const SUFFIXES = { [ITSELF]: ".jpg", [PNG]: ".png", [JPEG]: ".jpg" };
const EXACT = "It must arrive bit for bit: messaging apps that re-encode pictures destroy the secret.";
const NOTES = {
  [ITSELF]: `The cover stays the JPEG it was, nearly of its size, with what it says of time and place. ${EXACT}`,
  [PNG]: `Holds most. ${EXACT}`,
};

/** What to do about a cover whose lossy past gives its container away. */
const WAYS_OUT = {
  film: "Reduce it first, and save it without loss, in RGB.",
  staying: "Take one that was saved once, or reduce it first.",
  jpeg: "Let it stay a JPEG, or reduce it first, and save it without loss.",
  other: "Reduce it first, and save it without loss.",
};

/**
 * What hiding makes.
 *
 * @typedef {{channel: string | null, suffix: string, safe: boolean}} Container channel: that it survives; null: it must
 *   arrive bit for bit; suffix: of its name; safe: no more is to be hidden than what is hard to find
 *
 * What is known of a cover before anything is hidden.
 *
 * @typedef {{text: string, history?: string | null}} Forecast text: a sentence on what fits, empty if that is not known;
 *   history: the lossy format that the cover has or had, if that gives the container away
 *
 * A kind of film that hiding makes.
 *
 * @typedef {{label: string, note: string, suffix: string, survives?: string}} FilmKind survives: the channel; none: the
 *   film is lossless
 */

/**
 * Sets up the choice in a fieldset. Files and texts go into a JPEG itself, unless the visitor chooses otherwise; there is
 * more room for pictures in a PNG file.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {() => {cover: object | null, secret: object | null}} chosen what is to be hidden, and where
 * @param {import("../main.js").Backend} backend
 * @returns {{container: () => Container, update: () => void}} update: renews the forecast
 */
export function makeSend(fieldset, chosen, { films, forecast }) {
  let picked = null; // by the visitor
  const choice = makeChoice("hide-send", "Kind of container", KINDS, (kind) => {
    picked = kind;
    update();
  });
  const labels = Object.fromEntries(Object.entries(films).map(([kind, { label }]) => [kind, label]));
  const filmChoice = makeChoice("hide-film", "Kind of film", labels, update);
  const select = make(
    "select",
    { id: "hide-survive" },
    ...CHANNELS.map(([value, text]) => make("option", { value }, text)),
  );
  const row = make("div", { className: "row wrap" }, make("label", { for: select.id }, "It survives"), select);
  const safe = make("input", { type: "checkbox", id: "hide-safe", onchange: update });
  const safely = make("label", { className: "check", for: safe.id }, safe, "At most what is hard to find");
  const [note, expected, warned] = [
    make("p", { className: "note" }),
    make("p", { className: "note forecast", role: "status" }),
    make("div", { className: "betrayed" }),
  ];
  fieldset.append(make("legend", {}, "Container"), choice.node, filmChoice.node, row, note, safely, expected, warned);
  select.onchange = update;
  update();
  return { container, update };

  function container() {
    if (chosen().cover?.film) {
      const { suffix, survives = null } = films[filmChoice.value()];
      return { channel: survives, suffix, safe: false };
    }
    const kind = choice.value();
    const channel = kind === JPEG ? select.value : null;
    return { channel, suffix: SUFFIXES[kind], safe: !channel && safe.checked };
  }

  function update() {
    const { cover, secret } = chosen();
    const [isFilm, isJpeg] = [Boolean(cover?.film), Boolean(cover?.isJpeg)];
    choice.offer(ITSELF, isJpeg);
    choice.choose(kindFor(isJpeg, secret));
    choice.node.hidden = isFilm;
    filmChoice.node.hidden = !isFilm || Object.keys(films).length === 1;
    row.hidden = isFilm || choice.value() !== JPEG;
    note.hidden = !row.hidden;
    safely.hidden = isFilm || !row.hidden;
    note.textContent = isFilm ? films[filmChoice.value()].note : NOTES[choice.value()];
    foretell(cover, secret);
  }

  /** Shows what is known of the cover, unless another is chosen meanwhile. */
  async function foretell(cover, secret) {
    const asked = (expected.asked = {});
    expected.setAttribute("aria-busy", "true");
    const known = cover && secret ? await forecast(cover, secret, container()) : { text: "" };
    if (expected.asked !== asked) return;
    expected.textContent = known.text;
    expected.setAttribute("aria-busy", "false");
    const shown = known.history && !cover.isExample ? [notice(betrayed(known.history, wayOut(cover)), "warning")] : [];
    if (warned.textContent !== shown.map(({ textContent }) => textContent).join("")) warned.replaceChildren(...shown);
  }

  function wayOut({ film, isJpeg }) {
    if (film) return WAYS_OUT.film;
    if (choice.value() === ITSELF) return WAYS_OUT.staying;
    return isJpeg ? WAYS_OUT.jpeg : WAYS_OUT.other;
  }

  function kindFor(isJpeg, secret) {
    if (picked && (picked !== ITSELF || isJpeg)) return picked;
    return isJpeg && !secret?.bitmap && !secret?.film ? ITSELF : PNG;
  }
}

const betrayed = (history, hint) => ({
  message: `The cover is ${history}: anyone can tell that the container was changed.`,
  hint,
});
