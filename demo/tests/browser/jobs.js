/** Jobs of the page's worker, run in the browser without the page's form. */

import { readdirSync } from "node:fs";

const WORKER = readdirSync(new URL("../../dist/assets/", import.meta.url)).find((name) => /^worker-.*\.js$/.test(name));

/**
 * Runs a job of the worker.
 *
 * @param {object} visitor of the page
 * @param {string} job
 * @param {object} what its arguments
 * @param {Record<string, string>} files paths of further arguments: File objects; `cover` and `secret` as bitmaps,
 *   `container` and `file` as bytes
 * @returns {Promise<{result?: object, error?: object}>}
 */
export async function run({ page }, job, what, files) {
  for (const [name, path] of Object.entries(files)) {
    await page.evaluate(addInput, name);
    await page.locator(`#${name}`).setInputFiles(path);
  }
  const done = await page.evaluate(runInPage, [WORKER, job, what, Object.keys(files)]);
  for (const name of Object.keys(files)) await page.evaluate((id) => document.getElementById(id).remove(), name);
  if (done.result) done.result.file = new Uint8Array(Buffer.from(done.result.file, "base64"));
  return done;
}

const addInput = (id) => document.body.append(Object.assign(document.createElement("input"), { type: "file", id }));

async function runInPage([name, job, what, names]) {
  for (const each of names) {
    const [file] = document.getElementById(each).files;
    if (each === "cover" || each === "secret") what[each] = await createImageBitmap(file);
    else if (each === "container") what[each] = new Uint8Array(await file.arrayBuffer());
    else if (each === "file") what[each] = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
    else if (each === "key") what.keyInput = { file: new Uint8Array(await file.arrayBuffer()) };
    else what[each] = file;
  }
  const worker = new Worker(`assets/${name}`, { type: "module" });
  const { result, error } = await new Promise((resolve) => {
    worker.onerror = ({ message }) => resolve({ error: { message, hint: "" } });
    worker.onmessage = ({ data }) => data.stage || resolve(data);
    worker.postMessage({ job, ...what });
  });
  worker.terminate();
  if (!result) return { error };
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob([result.file]));
  });
  const { name: own, psnr, hidden, frames, mayBeLost, whole, trouble } = result;
  const kept = { name: own, psnr, hidden, frames, mayBeLost, whole, trouble };
  return { result: { ...kept, file: url.slice(url.indexOf(",") + 1) } };
}
