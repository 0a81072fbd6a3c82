/** Requests to the worker, made from the form. */

import { saysPlace } from "../../page/form/exif.js";

import { fromBitmap } from "../canvas.js";
import { lossyFormat } from "../codec/lossy_format.js";
import { fileCapacity, storedName } from "../codec/sealed.js";
import { conditionOf } from "../codec/secure_payload.js";
import { pictureEvidence } from "../evidence/pictures.js";
import { withoutMetadata } from "../jpeg/metadata.js";

/** Channels by which containers survive being sent to a destination: those of Python's DESTINATIONS. */
export const CHANNELS = { messenger: "messenger", website: "jpeg:75" };

/** The job that hides a secret for a destination: what is sent as a file holds it byte for byte, and a JPEG may stay one. */
export function hidingJob({ destination, suffix }) {
  if (destination in CHANNELS) return "survive";
  return suffix === ".jpg" ? "jpeg" : "seal";
}

/** Input of the worker for hiding. */
export async function gatherHiding({ cover, secret, container, keyInput }) {
  const job = hidingJob(container);
  const { destination, safe } = container;
  const file = { name: secret.name, bytes: new Uint8Array(await secret.file.arrayBuffer()) };
  const what = { keyInput, file, safe, condition: conditionOf(cover) };
  if (job === "survive") {
    [what.cover, what.channel] = [await createImageBitmap(cover.bitmap), CHANNELS[destination]];
    if (secret.bitmap) what.secret = await createImageBitmap(secret.bitmap);
    if (cover.isJpeg) what.jpeg = await jpegOf(cover, container);
  } else if (job === "jpeg") what.cover = await jpegOf(cover, container);
  else [what.cover, what.evidence] = [await createImageBitmap(cover.bitmap), await evidenceOf(cover)];
  return { job, what, transfer: [what.cover.buffer ?? what.cover, what.secret].filter(Boolean) };
}

/** A cover's JPEG, without its metadata if that says where it was taken, unless it is to stay. */
async function jpegOf({ file, isExample }, { keepsPlace }) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return !isExample && !keepsPlace && (await saysPlace(file)) ? withoutMetadata(bytes) : bytes;
}

/** A container that was made, as a file. */
export const asFile = async ({ file }, name) => new File([file], name);

/** Input of the worker for revealing; arguments as `gatherHiding`. */
export const gatherRevealing = ({ container: { bytes }, keyInput }) => ({
  ...{ job: "reveal", what: { container: bytes, keyInput }, transfer: [] },
});

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

/** Bytes of a file with a secret's name that fit into a picture's PNG file. */
export const sealedCapacity = ({ bitmap: { width, height }, channels }, { name }) =>
  fileCapacity({ width, height, channels }, storedName(name));
