/** Places that take a file: dropped, chosen, pasted, or one of the examples. */

import { PageError } from "../errors.js";
import { button, make, told } from "./elements.js";

const EXAMPLES = [
  { name: "day", label: "Lake by day" },
  { name: "night", label: "City at night" },
  { name: "dawn", label: "Lake at dawn" },
  { name: "shapes", label: "Shapes" },
];

/**
 * Makes a drop zone of a section.
 *
 * @param {HTMLElement} section
 * @param {object} options
 * @param {string} options.accept what kinds of file are offered
 * @param {string} options.ask what it says while it is empty
 * @param {boolean} [options.examples] whether it offers some
 * @param {(file: File) => Promise<object>} options.read makes of a file what `value` gives; its `show` is put on view
 * @param {() => void} [options.onchange]
 */
export function makeDrop(section, { accept, ask, examples = false, read, onchange = () => {} }) {
  const id = `${section.dataset.drop}-file`;
  const input = make("input", { type: "file", accept, className: "unseen", id });
  input.setAttribute("aria-labelledby", section.getAttribute("aria-labelledby"));
  input.setAttribute("aria-describedby", `${id}-caption`);
  const view = make("span", { className: "view" });
  const label = make("label", { className: "zone", for: id }, view);
  const trouble = make("div");
  const zone = { value: null, take, takeExample, section };
  empty();
  section.append(input, label);
  if (examples) section.append(exampleRow(takeExample));
  section.append(trouble);

  input.onchange = () => input.files[0] && take(input.files[0]);
  section.ondragover = (event) => {
    event.preventDefault();
    section.classList.add("over");
  };
  section.ondragleave = () => section.classList.remove("over");
  section.ondrop = (event) => {
    event.preventDefault();
    section.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  };
  return zone;

  function empty() {
    view.replaceChildren(
      make("span", { className: "ask" }, make("b", {}, ask), make("small", {}, "drop, paste, or choose a file")),
    );
  }

  /** Takes a file; what can't be read is said, and the zone is empty then. */
  async function take(file, isExample = false) {
    trouble.replaceChildren();
    section.classList.add("busy");
    zone.value = null;
    try {
      zone.value = await read(file);
      const caption = isExample ? "Example: drop or choose your own" : zone.value.caption;
      const className = isExample ? "caption example" : "caption";
      view.replaceChildren(zone.value.show, make("small", { className, id: `${id}-caption` }, caption));
    } catch (error) {
      if (!(error instanceof PageError)) throw error;
      empty();
      trouble.replaceChildren(told(error));
    } finally {
      section.classList.remove("busy");
      input.value = "";
      onchange();
    }
  }

  async function takeExample(name) {
    const response = await fetch(`examples/${name}.webp`);
    await take(new File([await response.blob()], `${name}.webp`), true);
  }
}

/** A file dropped beside the zones must not open in the place of this page; `stray` takes it. */
export function catchStrayDrops(stray) {
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files"); // text may be dropped into fields
  window.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    stray(event.dataTransfer.files[0]);
  });
}

function exampleRow(takeExample) {
  const row = make("div", { className: "examples", role: "group", "aria-label": "Examples" });
  for (const { name, label } of EXAMPLES) {
    const picture = make("img", { src: `examples/${name}.webp`, alt: "", loading: "lazy" });
    row.append(button(picture, () => takeExample(name), { title: label, "aria-label": `Example: ${label}` }));
  }
  return row;
}
