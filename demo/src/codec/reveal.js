/** A picture out of a picture. */

import { nothing, PageError } from "../errors.js";
import { CELL, settled, toPicture, toPlanes, withMeans } from "../format/detail.js";
import { unlocking } from "../format/keys.js";
import { FILM, parseRecord, PICTURE } from "../format/record.js";
import { readSalt, unseal } from "../format/seal.js";
import { drawShuffle, unshuffled } from "../format/shuffle.js";
import { unpack } from "../format/thumbnail.js";
import { corner } from "../picture.js";
import { resize } from "../resize.js";

/**
 * The hidden picture, at its true size.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} container
 * @param {object} given a key file's bytes, or a passphrase: see `unlocking`
 * @returns {Promise<{secret: import("../picture.js").Picture, whole: boolean}>} whole: is the container exactly as it
 *   was hidden?
 * @throws {PageError} nothing opens, or it is no picture, or hidden with other weights
 */
export async function reveal(engine, container, given) {
  const unlock = unlocking(given);
  engine.tell("key");
  const key = await unlock(readSalt(container));
  engine.tell("read");
  const { filmId, hidden, means, whole } = await find(container, key);
  const { block, weights } = hidden;
  checkWeights(weights, engine.pair.weights);

  const [width, height] = area(container, block);
  const planes = await engine.run("reveal", width, height, toPlanes(corner(container, width, height)));
  const shuffle = await drawShuffle(await key.shuffle(filmId, 0), (width * height) / block ** 2);
  const ordered = unshuffled(planes, width, block, shuffle);
  const joined = withMeans(ordered, width, means);
  const restored = await engine.run("restore", width, height, joined);
  const { picture } = toPicture(settled(restored, width, means), width, height);
  return { secret: resize(picture, hidden.width, hidden.height), whole };
}

/** What a container's record says. */
async function find(container, key) {
  const reading = await unseal(container, key);
  if (!reading) throw nothing();
  const { kind, filmId, hidden, means } = await parsed(reading.record, container, key);
  if (kind !== PICTURE) throw notHere(kind);
  return { filmId, hidden, means, whole: reading.whole };
}

/** A record of which any part is wrong is none. */
async function parsed(bytes, container, key) {
  try {
    const record = await parseRecord(bytes, key);
    return record.hidden ? { ...record, means: await meansOf(record.hidden, container) } : record;
  } catch (error) {
    if (error instanceof RangeError) throw nothing();
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
        "`stegnet reveal` brings it back; this page reads pictures.",
      );

function checkWeights(theirs, ours) {
  if (theirs === ours) return;
  throw new PageError(
    `Hidden with the weights ${theirs.slice(0, 16)}; this page has ${ours.slice(0, 16)}.`,
    "`stegnet reveal --weights FILE` reads it with the weights file that hid it.",
  );
}
