/** Helpers for building pages. */

/**
 * Creates an element.
 *
 * @param {string} name of the element
 * @param {object} [properties] set on it; `data` goes to its data set, names with a dash, `role` and `for` become attributes
 * @param {...(Node | string)} children
 */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "data") Object.assign(element.dataset, value);
    else if (key.includes("-") || key === "role" || key === "for") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Tells the form around a node that what it holds has changed, as the browser does of its own fields. */
export const tellChange = (node) => node.dispatchEvent(new Event("change", { bubbles: true }));

/** A button. */
export function button(label, onclick, properties = {}) {
  return make("button", { type: "button", onclick, ...properties }, label);
}

/**
 * A row of choices, of which one is chosen.
 *
 * @param {string} name of its radio buttons, one of its own on the page
 * @param {string} label of the group
 * @param {Object<string, string>} options texts by value; the first is chosen
 * @param {(value: string) => void} onchange called when the visitor chooses
 * @returns {{node: HTMLElement, value: () => string, choose: (value: string) => void}}
 */
export function makeChoice(name, label, options, onchange) {
  const node = make("div", { className: "segments", role: "radiogroup", "aria-label": label });
  const inputs = Object.keys(options).map((value, index) =>
    make("input", { type: "radio", name, value, checked: index === 0 }),
  );
  for (const input of inputs) node.append(make("label", {}, input, make("span", {}, options[input.value])));
  const value = () => inputs.find((input) => input.checked).value;
  node.onchange = () => onchange(value());
  const choose = (wanted) => (inputs.find((each) => each.value === wanted).checked = true);
  return { node, value, choose };
}

/** A link that saves bytes as a file. */
export function saveLink(label, name, bytes, type, properties = {}) {
  const href = URL.createObjectURL(new Blob([bytes], { type }));
  return make("a", { href, download: name, ...properties }, label);
}

export const UNCOPIED = "This browser won’t let the page copy: select it and copy it yourself.";

/** Copies a text; true if the browser allowed it. */
export const copied = (text) =>
  navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );

/** A notice with a problem and its remedy, of the kind "error" or "warning". */
export function notice({ message, hint }, kind = "error") {
  return make("p", { className: `notice ${kind}`, role: "alert" }, make("strong", {}, message), " ", hint ?? "");
}

/** A file size in bytes, kB, MB or GB; a small number has a digit behind the point. */
export function size(bytes) {
  if (bytes < 1e3) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 9.95e3 ? 1 : 0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
