/** Revealing a picture from a picture. */

import { nothingOpens, PageError } from "../errors.js";
import { CELL, withBlockMeans, toPicture, toPlanes, addBase } from "../format/detail.js";
import { keySource } from "../format/keys.js";
import { FILM, parseRecord, PICTURE } from "../format/record.js";
import { readSalt, unseal } from "../format/seal.js";
import { drawShuffle, unshuffled } from "../format/shuffle.js";
import { unpack } from "../format/thumbnail.js";
import { corner } from "../picture.js";
import { resize } from "../resize.js";

/**
 * Reveals the hidden picture, at its own size.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} container
 * @param {object} keyInput a key file's bytes, or a passphrase: see `keySource`
 * @returns {Promise<{secret: import("../picture.js").Picture, whole: boolean}>} whole: true if the container
 *   was not altered
 * @throws {PageError} nothing opens, the secret is not a picture, or it was hidden with other weights
 */
export async function reveal(engine, container, keyInput) {
  const deriveKey = keySource(keyInput);
  engine.onProgress("key");
  const key = await deriveKey(readSalt(container));
  engine.onProgress("read");
  const { filmId, hidden, means, whole } = await find(container, key);
  const { block, weights } = hidden;
  checkWeights(weights, engine.pair.weights);

  const [width, height] = area(container, block);
  const planes = await engine.run("reveal", width, height, toPlanes(corner(container, width, height)));
  const shuffle = await drawShuffle(await key.shuffle(filmId, 0), (width * height) / block ** 2);
  const ordered = unshuffled(planes, width, block, shuffle);
  const joined = addBase(ordered, width, means);
  const restored = await engine.run("restore", width, height, joined);
  const { picture } = toPicture(withBlockMeans(restored, width, means), width, height);
  return { secret: resize(picture, hidden.width, hidden.height), whole };
}

/** Opens a container's record. */
async function find(container, key) {
  const reading = await unseal(container, key);
  if (!reading) throw nothingOpens();
  const { kind, filmId, hidden, means } = await parsed(reading.record, container, key);
  if (kind !== PICTURE) throw notHere(kind);
  return { filmId, hidden, means, whole: reading.whole };
}

/** Parses a record; with any invalid part, nothing opens. */
async function parsed(bytes, container, key) {
  try {
    const record = await parseRecord(bytes, key);
    return record.hidden ? { ...record, means: await meansOf(record.hidden, container) } : record;
  } catch (error) {
    if (error instanceof RangeError) throw nothingOpens();
    throw error;
  }
}

async function meansOf({ block, detail, thumbnail }, container) {
  const [width, height] = area(container, block);
  if (!width || !height) throw new RangeError("the container is smaller than a block");
  return detail ? unpack(thumbnail, height / CELL, width / CELL) : null;
}

const area = ({ width, height }, block) => [width, height].map((side) => Math.floor(side / block) * block);

const notHere = (kind) =>
  kind === FILM
    ? new PageError(
        "This is a single frame of a film that hides another film.",
        "`stegnet reveal` reads the whole film; this page reads pictures.",
      )
    : new PageError(
        "What is hidden here is a file, not a picture.",
        "`stegnet reveal` recovers it; this page reads pictures.",
      );

function checkWeights(theirs, ours) {
  if (theirs === ours) return;
  throw new PageError(
    `Hidden with the weights ${theirs.slice(0, 16)}; this page has ${ours.slice(0, 16)}.`,
    "`stegnet reveal --weights FILE` reveals it with those weights.",
  );
}
