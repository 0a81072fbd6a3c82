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

/** A button. */
export function button(label, onclick, properties = {}) {
  return make("button", { type: "button", onclick, ...properties }, label);
}

/** A link that saves bytes as a file. */
export function saveLink(label, name, bytes, type, properties = {}) {
  const href = URL.createObjectURL(new Blob([bytes], { type }));
  return make("a", { href, download: name, ...properties }, label);
}

/** A notice with a problem and its remedy, of the kind "error" or "warning". */
export function notice({ message, hint }, kind = "error") {
  return make("p", { className: `notice ${kind}`, role: "alert" }, make("strong", {}, message), " ", hint ?? "");
}

/** A file size in kB or MB. */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
