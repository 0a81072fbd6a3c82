/** The secret: any file, or a text. */

import { TEXTS } from "../constants.js";
import { make, makeChoice, size } from "../elements.js";
import { makeDrop } from "./drop.js";

const { MOST_TEXT, TEXT_NAME } = TEXTS;

/**
 * Sets up a secret's section; the result is like a drop zone, and its value that of the file or of the text.
 *
 * @param {HTMLElement} section
 * @param {(file: File) => Promise<import("./read.js").Chosen>} read
 * @param {() => void} onchange
 */
export function makeSecret(section, read, onchange) {
  const options = { accept: "", ask: "A secret", read, onchange };
  const choice = makeChoice("hide-secret", "Kind of secret", { file: "File", text: "Text" }, (kind) => {
    show();
    if (kind === "text") text.focus();
  });
  section.querySelector(".head").append(choice.node);
  const drop = makeDrop(section, options);
  const useFile = drop.use;
  drop.use = use; // what is dropped on a text is a file
  const text = make("textarea", {
    id: "secret-text",
    rows: 7,
    "aria-label": "Secret text",
    "aria-describedby": "counted",
  });
  const counted = make("p", { className: "note", id: "counted" });
  const typed = make("div", { className: "stack" }, text, counted);
  text.oninput = () => {
    count();
    onchange();
  };
  section.append(typed);
  count();
  show();

  return {
    section,
    useExample: drop.useExample,
    get reading() {
      return drop.reading;
    },
    get value() {
      return isText() ? textValue(text.value) : drop.value;
    },
    use,
  };

  function use(file) {
    choice.choose("file");
    show();
    return useFile(file);
  }

  function isText() {
    return choice.value() === "text";
  }

  function show() {
    drop.part.hidden = isText();
    typed.hidden = !isText();
    onchange();
  }

  function count() {
    const { size: bytes } = new Blob([text.value]);
    const long = bytes > MOST_TEXT ? `: above ${size(MOST_TEXT)}, it is recovered as a file` : "";
    counted.textContent = bytes ? `${bytes.toLocaleString("en")} bytes${long}` : "Whoever has the key can read it.";
  }
}

/** A text as a secret; null if there is none. */
function textValue(text) {
  return text ? { name: TEXT_NAME, file: new File([text], TEXT_NAME), bitmap: null } : null;
}
