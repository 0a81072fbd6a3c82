/** Choice of the container: what the page alone offers, and of films one that survives being encoded again. */

import { make, makeChoice } from "../page/elements.js";
import { makeSend as makeSendOfPage, show } from "../page/send.js";
import { filmForecast } from "./forecast.js";

const SURVIVES = "h264:23";
const KINDS = { lossless: "Film without loss (MKV)", robust: "H.264 film (MP4)" };
const NOTES = {
  lossless: "Many times as large as the cover. It must arrive bit for bit: send it as a file.",
  robust:
    "An ordinary film, which survives H.264 at CRF 23 and better, as many sites encode it. It has little room, and takes minutes to make.",
};

/** Sets up the choice in a fieldset; arguments and result as the page's own. */
export function makeSend(fieldset, chosen) {
  const pictures = make("fieldset", { className: fieldset.className });
  const { channel, update } = makeSendOfPage(pictures, chosen);
  const [films, note] = [make("fieldset", { className: fieldset.className }), make("p", { className: "note" })];
  const choice = makeChoice("hide-film", "Kind of film", KINDS, renew);
  const forecast = make("p", { className: "note forecast", role: "status" });
  films.append(make("legend", {}, "Container"), choice.node, note, forecast);
  fieldset.replaceWith(pictures, films);
  renew();
  return { channel: chosenChannel, update: renew };

  function chosenChannel() {
    if (!chosen().cover?.film) return channel();
    return choice.value() === "robust" ? SURVIVES : null;
  }

  function renew() {
    update();
    pictures.hidden = Boolean(chosen().cover?.film);
    films.hidden = !pictures.hidden;
    note.textContent = NOTES[choice.value()];
    const { cover, secret } = chosen();
    show(forecast, cover?.film ? filmForecast(cover, secret, chosenChannel()) : "");
  }
}
