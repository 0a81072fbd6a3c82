/** Choice of the container: a PNG file, or a JPEG that survives a channel. */

import { channelOf, chooseRung, sentSize, usualQuality, usualRoom } from "../codec/channel.js";
import { PageError } from "../errors.js";
import { fileBytes, HEAD_BYTES, PICTURE_BYTES } from "../format/content.js";
import { MODEM } from "../network/card.js";
import { make } from "./elements.js";

const CHANNELS = [
  ["jpeg:75", "JPEG 75 and better"],
  ["jpeg:50", "JPEG 50 and better"],
  ["jpeg:90", "JPEG 90 and better"],
  ["jpeg:95", "JPEG 95 and better"],
  ["messenger", "messengers: 1600 pixels, JPEG 70 and better, twice"],
];
const NOTE_PNG = "Holds most. It must arrive bit for bit: messaging apps that re-encode pictures destroy the secret.";

/**
 * Sets up the choice in a fieldset.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {() => {cover: object | null, secret: object | null}} chosen what is to be hidden, and where
 * @returns {{channel: () => string | null, suffix: () => string, update: () => void}} channel: null for a PNG file;
 *   update: renews the forecast
 */
export function makeSend(fieldset, chosen) {
  const png = radio("png", "PNG file", true);
  const jpeg = radio("jpeg", "JPEG picture", false);
  const choice = make("div", { className: "segments", role: "radiogroup", "aria-label": "Kind of container" });
  choice.append(png.label, jpeg.label);
  const select = make(
    "select",
    { id: "hide-survive" },
    ...CHANNELS.map(([value, text]) => make("option", { value }, text)),
  );
  const label = make("label", { for: select.id }, "It survives");
  const row = make("div", { className: "row wrap" }, label, select);
  const note = make("p", { className: "note", role: "status" });
  fieldset.append(make("legend", {}, "Container"), choice, row, note);
  choice.onchange = select.onchange = update;
  update();
  return { channel, suffix: () => (channel() ? ".jpg" : ".png"), update };

  function channel() {
    return jpeg.input.checked ? select.value : null;
  }

  function update() {
    const name = channel();
    row.hidden = !name;
    note.textContent = name ? forecast(channelOf(name), chosen()) : NOTE_PNG;
  }
}

function radio(value, text, checked) {
  const input = make("input", { type: "radio", name: "hide-send", value, checked });
  return { input, label: make("label", {}, input, make("span", {}, text)) };
}

/** What a cover usually carries through a channel, and what becomes of the secret. */
function forecast(channel, { cover, secret }) {
  if (!cover || !secret) return "";
  const [size, file] = [sentSize(channel, cover.bitmap), { name: secret.name, bytes: secret.file.size }];
  try {
    const room = usualRoom(chooseRung(MODEM.rungs, channel, size, file), size);
    return `Room for about ${roughly(room)} bytes: ${expected(secret, room)}`;
  } catch (error) {
    if (error instanceof PageError) return error.message;
    throw error;
  }
}

function expected({ name, file, bitmap }, room) {
  if (fileBytes(name, file.size) <= room) return "the secret as it is, byte for byte.";
  if (!bitmap) return "too little for this file. Use a larger cover, or a milder channel.";
  const bytes = room - HEAD_BYTES - PICTURE_BYTES;
  if (bytes <= 0) return "too little for a picture. Use a larger cover.";
  return `a copy of the secret at about ${Math.round(usualQuality(bytes, bitmap))} dB.`;
}

/** Two digits of a number. */
const roughly = (count) => Number(count.toPrecision(2)).toLocaleString("en");
