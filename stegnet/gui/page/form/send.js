/** Choice of the container: a picture without loss, a JPEG that survives a channel, or a film. */

import { make, makeChoice } from "../elements.js";

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

const BETRAYED =
  "The cover is a JPEG: as a PNG, anyone can tell that it was changed, by its colours. Choose the JPEG itself, or a cover " +
  `that was resized and saved without loss. ${EXACT}`;

/**
 * What hiding makes.
 *
 * @typedef {{channel: string | null, suffix: string}} Container channel: that it survives; null: it must arrive bit for
 *   bit; suffix: of its name
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
  const [note, expected] = [
    make("p", { className: "note" }),
    make("p", { className: "note forecast", role: "status" }),
  ];
  fieldset.append(make("legend", {}, "Container"), choice.node, filmChoice.node, row, note, expected);
  select.onchange = update;
  update();
  return { container, update };

  function container() {
    if (chosen().cover?.film) {
      const { suffix, survives = null } = films[filmChoice.value()];
      return { channel: survives, suffix };
    }
    const kind = choice.value();
    return { channel: kind === JPEG ? select.value : null, suffix: SUFFIXES[kind] };
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
    const own = isJpeg && choice.value() === PNG ? BETRAYED : NOTES[choice.value()];
    note.textContent = isFilm ? films[filmChoice.value()].note : own;
    show(expected, cover && secret ? forecast(cover, secret, container()) : "");
  }

  function kindFor(isJpeg, secret) {
    if (picked && (picked !== ITSELF || isJpeg)) return picked;
    return isJpeg && !secret?.bitmap && !secret?.film ? ITSELF : PNG;
  }
}

/** Shows a text, or what a promise of one gives, unless another was to be shown meanwhile. */
async function show(place, text) {
  place.shown = text;
  const known = await text;
  if (place.shown === text) place.textContent = known;
}
