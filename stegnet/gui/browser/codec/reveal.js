/** Revealing what a picture hides: a picture, or a file. */

import { BASE } from "../../page/constants.js";
import { wholeFile } from "./collecting.js";
import { nothingOpens, PageError } from "../errors.js";
import { decodeBase } from "../format/base.js";
import { parseContent } from "../format/content.js";
import { keySource } from "../format/keys.js";
import { corner, masked, toPicture, toPlanes } from "../picture.js";
import { checkRatio, FILM, mostDeclared, parseRecord } from "../format/record.js";
import { unseal } from "../format/seal.js";
import { drawMask, drawShuffle, unshuffled } from "../format/shuffle.js";
import { unresize } from "../resize.js";
import { makeReader } from "./modem.js";

/**
 * Reveals the hidden picture, at its own size, or the hidden file. Lossless containers are tried first, then robust
 * ones.
 *
 * @returns {Promise<{secret?: import("../picture.js").Picture, file?: {name: string, bytes: Uint8Array}, whole: boolean,
 *   robust: boolean}>} whole: true if the container was not altered; robust: it may have been re-encoded, and the
 *   secret is whole
 * @throws {PageError} nothing opens, a film is hidden, the picture was hidden with other weights, or is damaged
 */
export async function reveal(engine, container, keyInput) {
  const keys = keySource(keyInput);
  const ring = keys.ring();
  engine.onProgress("key");
  const reading = await unseal(container, ring);
  if (reading) return revealSealed(engine, container, ring, reading);
  const content = keys.robustKey && (await makeReader(engine, keys).read(container));
  if (!content) throw nothingOpens();
  const found = await orNothing(() => parseContent(content, engine.avif, container.width * container.height));
  return { ...found, whole: true, robust: true };
}

/** Reveals what a record that was opened describes; the result and errors are as of `reveal`. */
export async function revealSealed(engine, container, ring, { record: bytes, whole }) {
  const record = await find(engine, container, ring, bytes);
  if (record.file) return { file: await wholeFile(record.file), whole, robust: false };
  const { filmId, hidden, base } = record;
  const { pair } = engine;
  if (hidden.weights !== pair.weights) {
    const [theirs, ours] = [hidden.weights, pair.weights].map((id) => id.slice(0, 16));
    throw new PageError(
      `It was hidden with the weights ${theirs}; this page has ${ours}.`,
      "The program reveals it, if it is given those weights.",
    );
  }

  const [width, height] = area(container, hidden.block);
  const shuffleKey = await ring.film.shuffle(filmId);
  const shuffle = await drawShuffle(shuffleKey, (width * height) / hidden.block ** 2);
  const mask = await drawMask(shuffleKey, width, height, pair.period);
  const seen = masked(toPlanes(corner(container, width, height)), mask, -1);
  const enhanced = await engine.run("enhance", width, height, toPlanes(base.picture));
  const planes = await engine.run("reveal", width, height, seen);
  const residual = unshuffled(planes, width, hidden.block, shuffle).map((value) => value / base.gain);
  const { picture } = toPicture(await engine.run("restore", width, height, enhanced, residual), width, height);
  const noise = (255 * BASE.HIDDEN_RMS) / base.gain; // of the base; what was revealed has less
  return { secret: unresize(picture, hidden.width, hidden.height, noise), whole, robust: false };
}

/** Parses a container's record. */
async function find(engine, container, ring, bytes) {
  const record = await orNothing(async () => {
    const parsed = await parseRecord(bytes);
    if (parsed.filmSecret && !(await ring.accepts(parsed.filmSecret))) throw new RangeError("another film's");
    if (parsed.hidden && !engine.pair) return parsed;
    return parsed.hidden ? { ...parsed, base: await baseOf(engine, parsed.hidden, container) } : parsed;
  });
  if (record.hidden && !engine.pair) throw new PageError("A network hid this picture, and this page has none.", "The program reveals it.");
  if (record.frames === 1 && (record.file || record.hidden)) return record;
  throw new PageError(
    record.kind === FILM
      ? "This is a single frame of a film that hides another film."
      : "This is one of several pictures, or frames of a film, that hide a file together.",
    "The program reads the whole film, or a folder of all the pictures; this page reads single pictures.",
  );
}

/** Result of parsing; with any invalid part, nothing opens. */
async function orNothing(parse) {
  try {
    return await parse();
  } catch (error) {
    if (error instanceof RangeError) throw nothingOpens();
    throw error;
  }
}

async function baseOf(engine, hidden, container) {
  const { block, kind, base } = hidden;
  const [width, height] = area(container, block);
  if (!width || !height) throw new RangeError("the container is smaller than a block");
  checkRatio(hidden, container);
  const largest = Math.max(hidden.width, width) * Math.max(hidden.height, height); // while it is resized
  if (largest > mostDeclared(container.width * container.height)) throw new RangeError("far too large a picture");
  return decodeBase(kind, base, width, height, engine.avif);
}

const area = ({ width, height }, block) => [width, height].map((side) => Math.floor(side / block) * block);
