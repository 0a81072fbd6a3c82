/** What the worker is asked to do, from what the form holds. */

/** The job that hides a secret in a cover. @param {string | null} channel that it survives; null: none */
export function hidingJob(cover, secret, channel) {
  if (cover.film) return "seal";
  if (channel) return "survive";
  return secret.bitmap && cover.channels > 1 ? "hide" : "seal"; // the network would colour a grey cover
}

/**
 * Input of the worker for hiding.
 *
 * @param {object} form
 * @param {import("@page/form/read.js").Chosen} form.cover
 * @param {import("@page/form/read.js").Chosen} form.secret
 * @param {import("@page/form/send.js").Container} form.container
 * @param {object} form.keyInput
 * @param {"gpu" | "cpu"} form.device
 * @returns {Promise<import("@page/main.js").Job>}
 */
export async function gatherHiding({ cover, secret, container, keyInput, device }) {
  const { channel } = container;
  const job = hidingJob(cover, secret, channel);
  const what = { keyInput, device };
  if (cover.film) what.film = cover.file;
  else what.cover = await createImageBitmap(cover.bitmap);
  if (job !== "seal" && secret.bitmap) what.secret = await createImageBitmap(secret.bitmap);
  if (job === "survive") what.channel = channel;
  if (job !== "hide") what.file = { name: secret.name, bytes: new Uint8Array(await secret.file.arrayBuffer()) };
  return { job, what, transfer: [what.cover, what.secret].filter(Boolean) };
}

/** A container that was made, as a file. */
export const asFile = async ({ file }, name) => new File([file], name);

/** Input of the worker for revealing; arguments as `gatherHiding`. */
export function gatherRevealing({ container, keyInput, device }) {
  const from = container.film ? { film: container.file } : { container: container.bytes };
  return { job: "reveal", what: { ...from, keyInput, device }, transfer: [] };
}
