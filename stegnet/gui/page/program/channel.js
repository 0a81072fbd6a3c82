/** The channel of an app: its file, or pictures that were sent through the app, from which the program learns it. */

import { button, make, notice, saveLink, tellChange } from "../elements.js";
import { PageError } from "../errors.js";
import { figures } from "../result.js";
import { ask } from "./ask.js";
import { gone, sentence } from "./work.js";

const LEARNED = "app.channel";
const FIRST =
  "stegnet knows an app by its channel’s file, which says what the app does to pictures. Once for each app, learn it from pictures that you send.";
const STEPS = "Send any photograph from your camera to yourself, and save what arrives. Send that file once more, and save it, too.";
const AGAIN = "Learn it again when the app changes; photographs in colours and grey ones need a channel each.";
const PICTURES = {
  sent: "The photograph",
  received: "What arrived",
  again: "What arrived of that",
};

/**
 * Sets up the choice of a channel.
 *
 * @param {() => void} onchange called when there is another, or none
 * @returns {import("../form/send.js").KnownChannel}
 */
export function makeChannel(onchange) {
  let [channel, trouble, reading] = [null, null, null];
  const status = make("p", { className: "note", role: "status" }, FIRST);
  const [known, alerts] = [make("div", { className: "stack known" }), make("div", { className: "stack" })];
  const lessons = makeLessons(learn);
  const open = () => showLessons(lessons.hidden);
  const toggle = button("Learn it from pictures", open, { className: "quiet", "aria-expanded": "false" });
  const choice = fileButton("channel-file", "Choose the channel’s file", ".channel", (file) => use([file], file));
  const row = make("div", { className: "row wrap" }, ...choice, toggle);
  const node = make("div", { className: "stack channel" }, row, lessons, status, known, alerts);
  return { node, file: () => channel, needed };

  async function needed() {
    await reading;
    if (trouble) throw trouble;
    if (channel) return channel;
    throw new PageError("There is no channel’s file.", "Choose one, or learn it from pictures that you send.");
  }

  function learn({ sent, received, again }) {
    if (sent && received && again) use([sent, received, received, again], null);
    else alerts.replaceChildren(notice(new PageError("A picture is missing.", "Choose all three.")));
  }

  function showLessons(are) {
    lessons.hidden = !are;
    toggle.setAttribute("aria-expanded", String(are));
  }

  /** Uses a channel's file, or learns one from pairs of pictures, unless another is given meanwhile. */
  function use(files, chosen) {
    [channel, trouble] = [null, null];
    for (const place of [known, alerts]) place.replaceChildren();
    status.textContent = chosen ? "Reading…" : "Learning…";
    const question = { files: files.map(({ name, size }) => ({ name, size })) };
    const answered = ask("channel", question, ...files).then((answer) => {
      if (reading === answered) tell(answer, files, chosen);
    });
    reading = answered;
    tellChange(node);
    onchange();
  }

  function tell({ described, file, error, text }, files, chosen) {
    if (error ?? text) trouble = new PageError(sentence(error?.message ?? text, files), sentence(error?.hint ?? ""));
    else if (!file) trouble = gone();
    if (!trouble) channel = chosen ?? new File([file], LEARNED);
    const name = chosen?.name ?? LEARNED;
    status.textContent = file ? `${name}. ${AGAIN}` : "";
    if (file) known.append(figures(Object.fromEntries(described.map(([about, line]) => [about, sentence(line)]))));
    if (file && !chosen) {
      const save = saveLink(`Save ${name}`, name, file, "application/json", { className: "button quiet" });
      known.append(make("div", { className: "row" }, save));
      showLessons(false);
    }
    if (trouble) alerts.replaceChildren(notice(trouble));
    tellChange(node);
    onchange();
  }
}

/** Choice of the pictures to learn from. @param {(files: Object<string, File>) => void} learn */
function makeLessons(learn) {
  const files = {};
  const rows = Object.entries(PICTURES).map(([name, label]) => {
    const told = make("span", { className: "note" });
    const take = (file) => {
      files[name] = file;
      told.textContent = file.name;
    };
    return make("div", { className: "row wrap" }, ...fileButton(`channel-${name}`, label, "image/*", take), told);
  });
  const start = make("div", { className: "row" }, button("Learn the channel", () => learn(files)));
  return make("div", { className: "stack lessons", hidden: true }, make("p", { className: "note" }, STEPS), ...rows, start);
}

/** A field for a file, and its label as a button. */
function fileButton(id, text, accept, take) {
  const input = make("input", { type: "file", id, accept, className: "unseen" });
  input.onchange = () => {
    const [file] = input.files;
    input.value = "";
    if (file) take(file);
  };
  return [input, make("label", { className: "button quiet", for: id }, text)];
}
