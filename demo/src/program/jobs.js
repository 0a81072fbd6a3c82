/** What the program is asked to do, from what the form holds: it gets the files as they are. */

import { make } from "../page/elements.js";

/** Suffix of the container's name. */
export const suffixOf = ({ film }, channel) => (film ? (channel ? ".mp4" : ".mkv") : channel ? ".jpg" : ".png");

/** Input of the program for hiding; it chooses the method, unless the container is to survive a channel. */
export function gatherHiding({ cover, secret, channel, keyInput }) {
  const files = [cover.file, secret.file];
  const what = { files, key: sent(keyInput), suffix: suffixOf(cover, channel), survive: channel };
  return { job: "hide", what, transfer: [] };
}

/** Input of the program for revealing. */
export function gatherRevealing({ container, keyInput }) {
  return { job: "reveal", what: { files: [container.file], key: sent(keyInput) }, transfer: [] };
}

/** A result as a file. */
export async function asFile({ url }, name) {
  const response = await fetch(url);
  return new File([await response.blob()], name);
}

/** A link that saves a result, which the program keeps until it is fetched. */
export const saveButton = (label, { url, name }) =>
  make("a", { href: url, download: name, className: "button primary" }, label);

/** A key as the program takes it: a passphrase, or 32 bytes in base 64. */
const sent = ({ file, passphrase }) => (file ? { file: btoa(String.fromCharCode(...file)) } : { passphrase });
