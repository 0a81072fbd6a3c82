/** The row with the main button, the progress bar, and a button to cancel. */

import { PageError } from "../errors.js";
import { button, make, notice } from "./elements.js";
import { work } from "./worker.js";

/** Label of each stage, and its share of the bar. */
const STAGES = {
  hide: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    code: ["Coding the secret", 10],
    prepare: ["Preparing the secret", 8],
    hide: ["Hiding", 22],
    seal: ["Sealing", 12],
    write: ["Writing the PNG file", 4],
    key: ["Reading it back", 6],
    reveal: ["Checking the secret", 18],
    restore: ["Checking the secret", 8],
  },
  survive: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    rate: ["Trying the channel", 38],
    fit: ["Coding the secret", 18],
    embed: ["Hiding", 10],
    check: ["Checking what arrives", 22],
    write: ["Writing the JPEG file", 2],
  },
  seal: {
    pictures: ["Reading the cover", 4],
    seal: ["Hiding", 76],
    write: ["Writing the container", 20],
  },
  reveal: {
    pictures: ["Reading the container", 2],
    load: ["Loading the network", 10],
    key: ["Opening", 8],
    code: ["Opening", 6],
    reveal: ["Revealing", 48],
    restore: ["Restoring", 22],
    write: ["Writing the PNG file", 4],
  },
};

/**
 * Sets up the row of a form.
 *
 * @param {HTMLFormElement} form
 * @param {object} steps
 * @param {() => object} steps.ask what the form holds; throws PageError
 * @param {(asked: object) => Promise<{job: string, what: object, transfer: Transferable[]}>} steps.gather a job's name
 *   and input; throws PageError
 * @param {(result: object, asked: object, job: string) => void} steps.done
 */
export function makeJob(form, { ask, gather, done }) {
  const row = form.querySelector(".work");
  const start = make("button", { type: "submit", className: "primary" }, row.dataset.work);
  const bar = make("progress", { max: 100, value: 0, "aria-label": "Progress" });
  const text = make("span", { className: "stage", role: "status" });
  const cancel = button("Cancel", () => stop.abort(new DOMException("", "AbortError")), { className: "quiet" });
  const progress = make("div", { className: "progress", hidden: true }, bar, text, cancel);
  const alerts = make("div");
  let stop = null;
  row.append(start, progress, alerts);

  form.onsubmit = async (event) => {
    event.preventDefault();
    if (stop) return;
    alerts.replaceChildren();
    form.querySelector(".result").hidden = true;
    stop = new AbortController();
    try {
      const asked = ask();
      busy(true);
      const { job, what, transfer } = await gather(asked);
      done(await work(job, what, transfer, onProgress(job), stop.signal), asked, job);
    } catch (error) {
      if (error instanceof PageError) alerts.replaceChildren(notice(error));
      else if (error.name !== "AbortError") throw error;
    } finally {
      stop = null;
      busy(false);
    }
  };

  function busy(is) {
    start.hidden = is;
    progress.hidden = !is;
    if (is) {
      [bar.value, text.textContent] = [0, "Starting"];
      cancel.focus();
    } else if (document.activeElement === document.body) start.focus();
  }

  function onProgress(job) {
    const stages = Object.entries(STAGES[job]);
    return (stage, doneOf, total) => {
      const index = stages.findIndex(([name]) => name === stage);
      if (index < 0) return; // a part of the stage that is shown
      const [label, share] = stages[index][1];
      const before = stages.slice(0, index).reduce((sum, [, [, part]]) => sum + part, 0);
      bar.value = Math.max(bar.value, before + (total ? (share * doneOf) / total : 0));
      text.textContent = `${label}…`;
    };
  }
}
