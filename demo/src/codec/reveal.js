/** Revealing a picture from a picture. */

import { nothingOpens, PageError } from "../errors.js";
import { decodeBase } from "../format/base.js";
import { keySource } from "../format/keys.js";
import { joined, masked, toPicture, toPlanes } from "../format/planes.js";
import { FILM, parseRecord } from "../format/record.js";
import { unseal } from "../format/seal.js";
import { drawMask, drawShuffle, unshuffled } from "../format/shuffle.js";
import { corner } from "../picture.js";
import { resize } from "../resize.js";

const MAX_PIXEL_RATIO = 256; // pixels of a secret for each pixel of its container

/**
 * Reveals the hidden picture, at its own size, or the hidden file.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} container
 * @param {object} keyInput a key file's bytes, or a passphrase: see `keySource`
 * @returns {Promise<{secret?: import("../picture.js").Picture, file?: import("../format/record.js").HiddenFile,
 *   whole: boolean}>} whole: true if the container was not altered
 * @throws {PageError} nothing opens, a film is hidden, or the picture was hidden with other weights
 */
export async function reveal(engine, container, keyInput) {
  const keys = keySource(keyInput);
  engine.onProgress("key");
  const { filmKey, record, whole } = await find(engine, container, keys);
  if (record.file) return { file: record.file, whole };
  const { filmId, hidden, base } = record;
  checkWeights(hidden.weights, engine.pair.weights);

  const [width, height] = area(container, hidden.block);
  const shuffleKey = await filmKey.shuffle(filmId, 0);
  const shuffle = await drawShuffle(shuffleKey, (width * height) / hidden.block ** 2);
  const mask = await drawMask(shuffleKey, width, height, engine.pair.period);
  const seen = masked(toPlanes(corner(container, width, height)), mask, -1);
  const planes = await engine.run("reveal", width, height, seen);
  const sum = joined(unshuffled(planes, width, hidden.block, shuffle), base);
  const { picture } = toPicture(await engine.run("restore", width, height, sum), width, height);
  return { secret: resize(picture, hidden.width, hidden.height), whole };
}

/** Opens a container's record. */
async function find(engine, container, keys) {
  const reading = await unseal(container, keys);
  if (!reading) throw nothingOpens();
  const filmKey = await keys.filmKey(reading.filmSecret);
  const record = await parsed(engine, reading.record, container, filmKey);
  if (!record.hidden && !record.file) throw isFrame(record.kind);
  return { filmKey, record, whole: reading.whole };
}

/** Parses a record; with any invalid part, nothing opens. */
async function parsed(engine, bytes, container, filmKey) {
  try {
    const record = await parseRecord(bytes, filmKey);
    return record.hidden ? { ...record, base: await baseOf(engine, record.hidden, container) } : record;
  } catch (error) {
    if (error instanceof RangeError) throw nothingOpens();
    throw error;
  }
}

async function baseOf(engine, { width: trueWidth, height: trueHeight, block, kind, base }, container) {
  const [width, height] = area(container, block);
  if (!width || !height) throw new RangeError("the container is smaller than a block");
  if (trueWidth * trueHeight > MAX_PIXEL_RATIO * container.width * container.height) {
    throw new RangeError("the secret is far larger than its container");
  }
  return decodeBase(kind, base, width, height, engine.avif);
}

const area = ({ width, height }, block) => [width, height].map((side) => Math.floor(side / block) * block);

const isFrame = (kind) =>
  new PageError(
    `This is a single frame of a film that hides ${kind === FILM ? "another film" : "a file"}.`,
    "`stegnet reveal` reads the whole film; this page reads pictures.",
  );

function checkWeights(theirs, ours) {
  if (theirs === ours) return;
  throw new PageError(
    `Hidden with the weights ${theirs.slice(0, 16)}; this page has ${ours.slice(0, 16)}.`,
    "`stegnet reveal --weights FILE` reveals it with those weights.",
  );
}
