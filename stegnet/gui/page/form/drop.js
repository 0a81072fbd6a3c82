/** Drop zones for a dropped, chosen or pasted file, or an example. */

import { button, make, notice, tellChange } from "../elements.js";
import { bytesOf, EMBEDDED } from "../embedded.js";
import { asPageError, PageError } from "../errors.js";

/** Examples of each zone, and what they show; the first is used at the start. That secret is hard to find in that cover. */
const EXAMPLES = {
  cover: { "day.webp": "Lake by day", "dawn.jpg": "Lake at dawn" },
  secret: { "night.avif": "City at night", "shapes.webp": "Shapes" },
};

const TOO_MANY = new PageError("These are several files.", "Drop one at a time.");

/**
 * Turns a section into a drop zone.
 *
 * @param {HTMLElement} section
 * @param {object} options
 * @param {string} options.accept file types offered in the dialogue
 * @param {string} options.ask prompt while it is empty
 * @param {(file: File) => Promise<object>} options.read turns a file into the zone's `value`; its `show` is
 *   displayed
 * @param {() => void} [options.onchange]
 * @returns {{value: object | null, reading: Promise<void>, use: Function, useExample: Function, section: HTMLElement,
 *   part: HTMLElement}} reading: ends when the last file was read; part: all that was added to the section; an example's
 *   `value` has `isExample`
 */
export function makeDrop(section, { accept, ask, read, onchange = () => {} }) {
  const id = `${section.dataset.drop}-file`;
  const input = make("input", { type: "file", accept, className: "unseen", id });
  input.setAttribute("aria-labelledby", section.getAttribute("aria-labelledby"));
  input.setAttribute("aria-describedby", `${id}-caption`);
  const view = make("span", { className: "view" });
  const choose = make("label", { className: "button quiet", for: id });
  const below = make("div", { className: "row wrap" }, choose);
  const alerts = make("div");
  const part = make(
    "div",
    { className: "stack" },
    input,
    make("label", { className: "zone", for: id }, view),
    below,
    alerts,
  );
  const zone = { value: null, reading: Promise.resolve(), use, useExample, section, part };
  const examples = examplesOf(section.dataset.drop);
  if (examples) below.append(exampleRow(examples, useExample));
  section.append(part);
  empty();

  input.onchange = () => input.files[0] && zone.use(input.files[0]);
  section.ondragover = (event) => {
    event.preventDefault();
    section.classList.add("over");
  };
  section.ondragleave = () => section.classList.remove("over");
  section.ondrop = (event) => {
    event.preventDefault();
    section.classList.remove("over");
    const [file, ...more] = event.dataTransfer.files;
    if (more.length) alerts.replaceChildren(notice(TOO_MANY));
    else if (file) zone.use(file);
  };
  return zone;

  function empty() {
    choose.textContent = "Choose a file";
    view.replaceChildren(
      make(
        "span",
        { className: "ask" },
        make("b", {}, ask),
        make("small", { id: `${id}-caption` }, "drop or paste it here, or choose a file"),
      ),
    );
  }

  function fill({ show, caption, isExample }) {
    choose.textContent = isExample ? "Choose your own" : "Choose another";
    const className = isExample ? "caption example" : "caption";
    view.replaceChildren(show, make("small", { className, id: `${id}-caption` }, isExample ? "Example" : caption));
  }

  /**
   * Uses a file, or a promise of one, unless another is given meanwhile; one that can't be read is reported and leaves
   * the zone empty.
   */
  function use(file, isExample = false) {
    section.classList.add("busy");
    alerts.replaceChildren();
    zone.value = null;
    tellChange(section);
    const reading = readAndShow();
    return (zone.reading = reading);

    async function readAndShow() {
      let [value, trouble] = [null, null];
      try {
        value = { ...(await read(await file)), isExample };
      } catch (error) {
        trouble = error;
      }
      if (zone.reading !== reading) return zone.reading; // of the file that was given meanwhile
      zone.value = value;
      if (value) fill(value);
      else empty();
      section.classList.remove("busy");
      input.value = "";
      onchange();
      tellChange(section);
      if (trouble) alerts.replaceChildren(notice(asPageError(trouble)));
    }
  }

  function useExample(name = Object.keys(examples)[0]) {
    return use(fetchExample(name), true);
  }
}

/** Examples of a zone, of which a page of one file holds some; null for a zone that has none. */
function examplesOf(zone) {
  const inside = EMBEDDED.examples;
  const all = EXAMPLES[zone];
  if (!all || !inside) return all ?? null;
  return Object.fromEntries(Object.entries(all).filter(([name]) => name in inside));
}

async function fetchExample(name) {
  const inside = EMBEDDED.examples?.[name];
  if (inside) return new File([bytesOf(inside)], name);
  try {
    const response = await fetch(addressOf(name));
    return new File([await response.blob()], name);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // fetch's own
    throw new PageError("The example can’t be loaded.", "Choose a file of your own.");
  }
}

/** Address of an example. */
function addressOf(name) {
  const inside = EMBEDDED.examples?.[name];
  return inside ? URL.createObjectURL(new Blob([bytesOf(inside)])) : new URL(`../examples/${name}`, import.meta.url).href;
}

/** Keeps a file dropped beside the zones from replacing this page; `stray` receives it. */
export function catchStrayDrops(stray) {
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files"); // text may be dropped into fields
  window.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    stray(event.dataTransfer.files[0]);
  });
}

function exampleRow(examples, useExample) {
  const row = make("div", { className: "examples", role: "group", "aria-label": "Examples" }, "Examples");
  for (const [name, label] of Object.entries(examples)) {
    const picture = make("img", { src: addressOf(name), alt: "", loading: "lazy" });
    row.append(button(picture, () => useExample(name), { title: label, "aria-label": `Example: ${label}` }));
  }
  return row;
}
