/** The row with the main button, the progress bar, and a button to cancel. */

import { button, make, notice } from "../elements.js";
import { asPageError } from "../errors.js";

/**
 * Sets up the row of a form.
 *
 * @param {HTMLFormElement} form
 * @param {import("../main.js").Backend} backend that does the job
 * @param {object} steps
 * @param {(offered: object) => Promise<object>} steps.ask what the form holds; throws PageError
 * @param {(asked: object) => import("../main.js").Job | Promise<import("../main.js").Job>} steps.gather throws PageError
 * @param {(result: object, asked: object, job: string) => void} steps.done
 */
export function makeJob(form, backend, { ask, gather, done }) {
  const row = form.querySelector(".work");
  const start = make("button", { type: "submit", className: "primary" }, row.dataset.work);
  const bar = make("progress", { max: 100, value: 0, "aria-label": "Progress" });
  const text = make("span", { className: "stage", role: "status" });
  const cancel = button("Cancel", () => stop.abort(new DOMException("", "AbortError")), { className: "quiet" });
  const progress = make("div", { className: "progress", hidden: true }, bar, text, cancel);
  const alerts = make("div", { className: "stack" });
  let stop = null;
  row.append(start, progress, alerts);
  form.addEventListener("input", forget);
  form.addEventListener("change", forget);

  form.onsubmit = (event) => {
    event.preventDefault();
    return run({});
  };

  /** Does the job, in another way if that was offered, such as a larger file. */
  async function run(offered) {
    if (stop) return;
    clear();
    stop = new AbortController();
    try {
      const asked = await ask(offered);
      busy(true);
      const job = await gather({ ...asked, ...offered });
      const result = await backend.work(job, onProgress(job), stop.signal, onWarning);
      alerts.replaceChildren(); // the result has its own
      done(result, asked, job.job);
    } catch (error) {
      alerts.replaceChildren(...(error.name === "AbortError" ? [] : [notice(asPageError(error))]));
      if (error.unmeant) alerts.append(offer("Hide it all the same", { ...offered, meant: true }));
      if (error.larger) alerts.append(offer("Make the larger file", { larger: error.larger }));
    } finally {
      stop = null;
      busy(false);
    }
  }

  function offer(label, offered) {
    return make("div", { className: "row" }, button(label, () => run(offered), { className: "quiet" }));
  }

  function clear() {
    alerts.replaceChildren();
    form.querySelector(".result").hidden = true;
  }

  /** Clears the result, or the trouble, of what the form held before. */
  function forget({ target }) {
    if (!stop && !target.closest(".result")) clear();
  }

  function busy(is) {
    const isLost = [cancel, document.body].includes(document.activeElement); // the focus, when the button goes
    start.hidden = is;
    progress.hidden = !is;
    if (is) {
      [bar.value, text.textContent] = [0, "Starting"];
      cancel.focus();
    } else if (isLost) start.focus();
  }

  function onWarning(message) {
    alerts.append(notice({ message }, "warning"));
  }

  function onProgress(job) {
    const progressAt = backend.progressOf(job);
    let most = 0; // what is done again does not undo anything
    return (...step) => {
      const { value, text: label } = progressAt(...step);
      if (value === null) bar.removeAttribute("value");
      else bar.value = most = Math.max(most, value);
      text.textContent = label;
    };
  }
}
