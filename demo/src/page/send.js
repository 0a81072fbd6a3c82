/** Choice of the container: a PNG file, a JPEG that survives a channel, or a film. */

import { make, makeChoice } from "./elements.js";
import { channelForecast, filmForecast, sealedForecast } from "./forecast.js";

const CHANNELS = [
  ["jpeg:75", "JPEG 75 and better"],
  ["jpeg:50", "JPEG 50 and better"],
  ["jpeg:90", "JPEG 90 and better"],
  ["jpeg:95", "JPEG 95 and better"],
  ["messenger", "messengers: 1600 pixels, JPEG 70 and better, twice"],
];
const NOTE_PNG = "Holds most. It must arrive bit for bit: messaging apps that re-encode pictures destroy the secret.";
const NOTE_FILM =
  "A film without loss (MKV), many times as large as the cover. It must arrive bit for bit: send it as a file.";

/**
 * Sets up the choice in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {() => {cover: object | null, secret: object | null}} chosen what is to be hidden, and where
 * @returns {{channel: () => string | null, update: () => void}} channel: null for a PNG file or a film; update: renews
 *   the forecast
 */
export function makeSend(fieldset, chosen) {
  const choice = makeChoice("hide-send", "Kind of container", { png: "PNG file", jpeg: "JPEG picture" }, update);
  const select = make(
    "select",
    { id: "hide-survive" },
    ...CHANNELS.map(([value, text]) => make("option", { value }, text)),
  );
  const row = make("div", { className: "row wrap" }, make("label", { for: select.id }, "It survives"), select);
  const [note, forecast] = [
    make("p", { className: "note" }),
    make("p", { className: "note forecast", role: "status" }),
  ];
  fieldset.append(make("legend", {}, "Container"), choice.node, row, note, forecast);
  select.onchange = update;
  update();
  return { channel, update };

  function channel() {
    return choice.value() === "jpeg" && !chosen().cover?.film ? select.value : null;
  }

  function update() {
    const [{ cover, secret }, name] = [chosen(), channel()];
    choice.node.hidden = Boolean(cover?.film);
    row.hidden = !name;
    note.textContent = cover?.film ? NOTE_FILM : NOTE_PNG;
    note.hidden = Boolean(name);
    show(forecast, predicted(name, cover, secret));
  }
}

/** Shows a text, or what a promise of one gives, unless another was to be shown meanwhile. */
export async function show(place, text) {
  place.shown = text;
  const known = await text;
  if (place.shown === text) place.textContent = known;
}

function predicted(channel, cover, secret) {
  if (cover?.film) return filmForecast(cover, secret);
  return channel ? channelForecast(channel, cover, secret) : sealedForecast(cover, secret);
}
