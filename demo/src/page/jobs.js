/** Requests to the worker, made from the form. */

import * as exact from "../../../stegnet/gui/browser/page/jobs.js";

export { asFile, evidenceOf } from "../../../stegnet/gui/browser/page/jobs.js";

/** Channels by which containers survive being sent to a destination: those of Python's DESTINATIONS. */
export const CHANNELS = { messenger: "messenger", website: "jpeg:75" };

/** The job that hides a secret in a cover: what fits is hidden byte for byte, as by the program. */
export function hidingJob(cover, secret, container) {
  if (cover.film) return "seal";
  if (container.destination in CHANNELS) return "survive";
  const job = exact.exactJob(container);
  if (job === "jpeg" || !secret.bitmap || cover.channels === 1 || container.safe) return job; // the network would colour a grey cover
  return secret.file.size > exact.sealedCapacity(cover, secret) ? "hide" : job;
}

/** Input of the worker for hiding. */
export async function gatherHiding(form) {
  const { cover, secret, container, keyInput, device } = form;
  const job = hidingJob(cover, secret, container);
  if (!cover.film && job === exact.exactJob(container)) return exact.gatherHiding(form);
  const what = { keyInput, device };
  if (job !== "hide") what.file = { name: secret.name, bytes: new Uint8Array(await secret.file.arrayBuffer()) };
  if (cover.film) {
    Object.assign(what, { film: cover.file, keepsPlace: container.keepsPlace });
    return { job, what, transfer: [] };
  }
  what.cover = await createImageBitmap(cover.bitmap);
  if (secret.bitmap) what.secret = await createImageBitmap(secret.bitmap);
  if (job === "survive") {
    what.channel = CHANNELS[container.destination];
    if (cover.isJpeg) what.jpeg = await exact.jpegOf(cover, container);
  }
  return { job, what, transfer: [what.cover, what.secret].filter(Boolean) };
}

/** Input of the worker for revealing; arguments as `gatherHiding`. */
export function gatherRevealing({ container, keyInput, device }) {
  const from = container.film ? { film: container.file } : { container: container.bytes };
  return { job: "reveal", what: { ...from, keyInput, device }, transfer: [] };
}
