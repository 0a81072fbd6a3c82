/**
 * Hiding a picture in a picture.
 *
 * The format fixes keys, positions, record, MAC and shuffle bit for bit (src/format). Implementations may differ in how
 * they resize the secret, run the networks, compress with zlib, and choose the direction of steps.
 */

import { blockMeans, CELL, detailOf, toPicture, toPlanes } from "../format/detail.js";
import { keySource } from "../format/keys.js";
import { formatRecord } from "../format/record.js";
import { NONCE_BYTES, room, SALT_BYTES, seal } from "../format/seal.js";
import { drawShuffle, shuffled } from "../format/shuffle.js";
import { maxPackedBytes, pack } from "../format/thumbnail.js";
import { PageError } from "../errors.js";
import { corner, place } from "../picture.js";
import { resize } from "../resize.js";

const FILM_ID_BYTES = 16;
const RECORD_BYTES = 136; // without the thumbnail
const systemRandom = (size) => crypto.getRandomValues(new Uint8Array(size));

/**
 * Hides a secret in a cover.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} cover
 * @param {import("../picture.js").Picture} secret of any size; resized to the cover's hidden area
 * @param {object} keyInput a key file's bytes, or a passphrase: see `keySource`
 * @param {(size: number) => Uint8Array} [random] source of random bytes
 * @returns {Promise<{container: import("../picture.js").Picture, scrambled: Float32Array}>} the container, and
 *   what the network hid
 * @throws {PageError} the cover is too small, or the key is missing
 */
export async function hide(engine, cover, secret, keyInput, random = systemRandom) {
  const deriveKey = keySource(keyInput);
  const { block, detail, weights } = engine.pair;
  const [width, height] = [cover.width, cover.height].map((side) => Math.floor(side / block) * block);
  checkRoom(cover, detail ? (width * height) / CELL ** 2 : 0, width * height);
  const salt = random(SALT_BYTES);
  engine.onProgress("key");
  const key = await deriveKey(salt);
  const filmId = random(FILM_ID_BYTES);

  const resized = resize(secret, width, height);
  const means = detail ? blockMeans(resized) : null;
  const prepared = await engine.run("prepare", width, height, toPlanes(resized));
  const shuffle = await drawShuffle(await key.shuffle(filmId, 0), (width * height) / block ** 2);
  const scrambled = shuffled(detailOf(prepared, width, detail), width, block, shuffle);
  const planes = await engine.run("hide", width, height, toPlanes(corner(cover, width, height)), scrambled);

  engine.onProgress("seal");
  const hidden = toPicture(planes, width, height);
  const container = { ...cover, data: cover.data.slice() };
  place(hidden.picture, container);
  const roundingDirection = { ...cover, data: new Int8Array(cover.data.length) };
  place({ width, height, data: hidden.roundingDirection }, roundingDirection);
  const thumbnail = means ? await pack(means, height / CELL, width / CELL) : new Uint8Array();
  const { width: trueWidth, height: trueHeight } = secret;
  const record = formatRecord(filmId, await key.commitment(filmId), {
    ...{ width: trueWidth, height: trueHeight },
    ...{ detail, block, weights, thumbnail },
  });
  await seal(container, record, key, random(NONCE_BYTES), salt, roundingDirection.data);
  return { container, scrambled };
}

/** Refuses a cover whose lowest bits can't hold the record. */
function checkRoom({ width, height }, blocks, area) {
  const needed = RECORD_BYTES + (blocks ? maxPackedBytes(blocks) : 0);
  if (area > 0 && needed <= room(width, height)) return;
  throw new PageError(`The cover is too small: ${width} × ${height} pixels.`, "Use one of at least 48 × 48 pixels.");
}
