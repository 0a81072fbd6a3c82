/** Choice of the container: a PNG file, a JPEG that survives a channel, or a film. */

import { make, makeChoice } from "../elements.js";

const CHANNELS = [
  ["jpeg:75", "JPEG 75 and better"],
  ["jpeg:50", "JPEG 50 and better"],
  ["jpeg:90", "JPEG 90 and better"],
  ["jpeg:95", "JPEG 95 and better"],
  ["messenger", "messengers: 1600 pixels, JPEG 70 and better, twice"],
];
const NOTE_PNG = "Holds most. It must arrive bit for bit: messaging apps that re-encode pictures destroy the secret.";

/**
 * A kind of film that hiding makes.
 *
 * @typedef {{label: string, note: string, survives?: string}} FilmKind survives: the channel; none: the film is lossless
 */

/**
 * Sets up the choice in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {() => {cover: object | null, secret: object | null}} chosen what is to be hidden, and where
 * @param {import("../main.js").Backend} backend
 * @returns {{channel: () => string | null, update: () => void}} channel: null for a file without loss; update: renews
 *   the forecast
 */
export function makeSend(fieldset, chosen, { films, forecast }) {
  const choice = makeChoice("hide-send", "Kind of container", { png: "PNG file", jpeg: "JPEG picture" }, update);
  const kinds = Object.fromEntries(Object.entries(films).map(([kind, { label }]) => [kind, label]));
  const filmChoice = makeChoice("hide-film", "Kind of film", kinds, update);
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
  return { channel, update };

  function channel() {
    if (chosen().cover?.film) return films[filmChoice.value()].survives ?? null;
    return choice.value() === "jpeg" ? select.value : null;
  }

  function update() {
    const [{ cover, secret }, name] = [chosen(), channel()];
    const isFilm = Boolean(cover?.film);
    choice.node.hidden = isFilm;
    filmChoice.node.hidden = !isFilm || Object.keys(films).length === 1;
    note.hidden = !isFilm && Boolean(name);
    row.hidden = !note.hidden;
    note.textContent = isFilm ? films[filmChoice.value()].note : NOTE_PNG;
    show(expected, cover && secret ? forecast(cover, secret, name) : "");
  }
}

/** Shows a text, or what a promise of one gives, unless another was to be shown meanwhile. */
async function show(place, text) {
  place.shown = text;
  const known = await text;
  if (place.shown === text) place.textContent = known;
}
