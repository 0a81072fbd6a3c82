/** Requests to the worker, made from the form. */

import * as exact from "../../../stegnet/gui/browser/page/jobs.js";

export { asFile, CHANNELS, evidenceOf } from "../../../stegnet/gui/browser/page/jobs.js";

/** The job that hides a secret in a cover: what fits is hidden byte for byte, as by the program. */
export function hidingJob(cover, secret, container) {
  if (cover.film) return "seal";
  const job = exact.hidingJob(container);
  if (job !== "seal" || !secret.bitmap || cover.channels === 1 || container.safe) return job; // the network would colour a grey cover
  return secret.file.size > exact.sealedCapacity(cover, secret) ? "hide" : job;
}

/** Input of the worker for hiding. */
export async function gatherHiding(form) {
  const { cover, secret, container, keyInput, device } = form;
  const job = hidingJob(cover, secret, container);
  if (cover.film) {
    const file = { name: secret.name, bytes: new Uint8Array(await secret.file.arrayBuffer()) };
    return { job, what: { keyInput, file, film: cover.file, keepsPlace: container.keepsPlace }, transfer: [] };
  }
  if (job !== "hide") {
    const { what, ...rest } = await exact.gatherHiding(form);
    return { ...rest, what: { ...what, device } };
  }
  const pictures = { cover: await createImageBitmap(cover.bitmap), secret: await createImageBitmap(secret.bitmap) };
  return { job, what: { keyInput, device, ...pictures }, transfer: Object.values(pictures) };
}

/** Input of the worker for revealing; arguments as `gatherHiding`. */
export function gatherRevealing({ container, keyInput, device }) {
  const from = container.film ? { film: container.file } : { container: container.bytes };
  return { job: "reveal", what: { ...from, keyInput, device }, transfer: [] };
}
