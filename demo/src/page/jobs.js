/** Requests to the worker, made from the form. */

import { saysPlace } from "@page/form/exif.js";

import { fromBitmap } from "../../../stegnet/gui/browser/canvas.js";
import { lossyFormat } from "../../../stegnet/gui/browser/codec/lossy_format.js";
import { fileCapacity, storedName } from "../../../stegnet/gui/browser/codec/sealed.js";
import { conditionOf } from "../../../stegnet/gui/browser/codec/secure_payload.js";
import { pictureEvidence } from "../../../stegnet/gui/browser/evidence/pictures.js";
import { withoutMetadata } from "../../../stegnet/gui/browser/jpeg/metadata.js";

/** Channels by which containers survive being sent to a destination: those of Python's DESTINATIONS. */
export const CHANNELS = { messenger: "messenger", website: "jpeg:75" };

/** The job that hides a secret in a cover: what fits is hidden byte for byte, as by the program. */
export function hidingJob(cover, secret, { destination, suffix, safe }) {
  if (cover.film) return "seal";
  if (destination in CHANNELS) return "survive";
  if (suffix === ".jpg") return "jpeg";
  if (!secret.bitmap || cover.channels === 1 || safe) return "seal"; // the network would colour a grey cover
  return secret.file.size > sealedCapacity(cover, secret) ? "hide" : "seal";
}

/** Bytes of a file with a secret's name that fit into a picture's PNG file. */
export const sealedCapacity = ({ bitmap: { width, height }, channels }, { name }) =>
  fileCapacity({ width, height, channels }, storedName(name));

/** Input of the worker for hiding. */
export async function gatherHiding({ cover, secret, container, keyInput, device }) {
  const job = hidingJob(cover, secret, container);
  const what = { keyInput, device };
  if (cover.film) [what.film, what.keepsPlace] = [cover.file, container.keepsPlace];
  else if (job === "jpeg") what.cover = await jpegOf(cover, container);
  else what.cover = await createImageBitmap(cover.bitmap);
  if ((job === "hide" || job === "survive") && secret.bitmap) what.secret = await createImageBitmap(secret.bitmap);
  if (job === "survive") {
    what.channel = CHANNELS[container.destination];
    if (cover.isJpeg) what.jpeg = await jpegOf(cover, container);
  }
  if (job === "seal" || job === "jpeg") Object.assign(what, { safe: container.safe, condition: conditionOf(cover) });
  if (job === "seal" && cover.bitmap) what.evidence = await evidenceOf(cover);
  if (job !== "hide") what.file = { name: secret.name, bytes: new Uint8Array(await secret.file.arrayBuffer()) };
  return { job, what, transfer: [what.cover?.buffer ?? what.cover, what.secret].filter(Boolean) };
}

/** A cover's JPEG, without its metadata if that says where it was taken, unless it is to stay. */
async function jpegOf({ file, isExample }, { keepsPlace }) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return !isExample && !keepsPlace && (await saysPlace(file)) ? withoutMetadata(bytes) : bytes;
}

/** A container that was made, as a file. */
export const asFile = async ({ file }, name) => new File([file], name);

/** Input of the worker for revealing; arguments as `gatherHiding`. */
export function gatherRevealing({ container, keyInput, device }) {
  const from = container.film ? { film: container.file } : { container: container.bytes };
  return { job: "reveal", what: { ...from, keyInput, device }, transfer: [] };
}

const known = new WeakMap(); // evidence, by bitmap

/** Evidence that a PNG file of a cover gives of changes: the lossy format of the cover, now or before, or its samples. */
export function evidenceOf({ file, bitmap, isScaled }) {
  const find = async () => {
    const format = isScaled ? null : lossyFormat(new Uint8Array(await file.arrayBuffer()));
    return format ? { proof: format, changes: Infinity } : pictureEvidence(fromBitmap(bitmap));
  };
  if (!known.has(bitmap)) known.set(bitmap, find());
  return known.get(bitmap);
}
