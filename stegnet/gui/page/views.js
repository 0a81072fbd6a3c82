/** Views of a picture, of which one is shown. */

import { make, makeChoice } from "./elements.js";

/**
 * Views with a switch.
 *
 * @param {Object<string, {view: Node, note: string}>} views by name; the first is shown
 */
export function makeViews(views) {
  const names = Object.keys(views);
  const stage = make("div", { className: "stage-view" });
  const note = make("p", { className: "note" });
  const choice = makeChoice("view", "View", Object.fromEntries(names.map((name) => [name, name])), choose);
  choose(names[0]);
  return make("div", { className: "views" }, ...(names.length > 1 ? [choice.node] : []), stage, note);

  function choose(name) {
    stage.replaceChildren(views[name].view);
    note.textContent = views[name].note;
  }
}

/** Two pictures of one size, one over the other, with a handle that moves the border. */
export function makeCompare(left, right, names) {
  const range = make("input", {
    type: "range",
    min: 0,
    max: 100,
    value: 50,
    "aria-label": `${names[0]} on the left, ${names[1]} on the right`,
  });
  const frame = make(
    "div",
    { className: "compare" },
    right,
    make("div", { className: "over" }, left),
    make("span", { className: "tag left", "aria-hidden": "true" }, names[0]),
    make("span", { className: "tag right", "aria-hidden": "true" }, names[1]),
    make("span", { className: "handle", "aria-hidden": "true" }),
    range,
  );
  const move = () => frame.style.setProperty("--at", `${range.value}%`);
  range.oninput = move;
  move();
  return frame;
}
