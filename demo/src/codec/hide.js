/**
 * A picture into a picture.
 *
 * Bit for bit as every other program does it: keys, positions, record, MAC and shuffle (src/format). Free to differ a
 * little: how the secret is stretched, what the networks compute, how zlib packs, which way a sample steps.
 */

import { blockMeans, CELL, detailOf, toPicture, toPlanes } from "../format/detail.js";
import { unlocking } from "../format/keys.js";
import { formatRecord } from "../format/record.js";
import { NONCE_BYTES, room, SALT_BYTES, seal } from "../format/seal.js";
import { drawShuffle, shuffled } from "../format/shuffle.js";
import { most, pack } from "../format/thumbnail.js";
import { PageError } from "../errors.js";
import { corner, place } from "../picture.js";
import { resize } from "../resize.js";

const FILM_ID_BYTES = 16;
const RECORD_BYTES = 136; // without its thumbnail
const systemRandom = (size) => crypto.getRandomValues(new Uint8Array(size));

/**
 * The container of a secret.
 *
 * @param {import("../network/engine.js").Engine} engine
 * @param {import("../picture.js").Picture} cover
 * @param {import("../picture.js").Picture} secret of any size; stretched to the cover's hidden area
 * @param {object} given a key file's bytes, or a passphrase: see `unlocking`
 * @param {(size: number) => Uint8Array} [random] gives random bytes
 * @returns {Promise<{container: import("../picture.js").Picture, scrambled: Float32Array}>} and what the network hid
 * @throws {PageError} the cover is too small, or there is no key
 */
export async function hide(engine, cover, secret, given, random = systemRandom) {
  const unlock = unlocking(given);
  const { block, detail, weights } = engine.pair;
  const [width, height] = [cover.width, cover.height].map((side) => Math.floor(side / block) * block);
  checkRoom(cover, detail ? (width * height) / CELL ** 2 : 0, width * height);
  const salt = random(SALT_BYTES);
  engine.tell("key");
  const key = await unlock(salt);
  const filmId = random(FILM_ID_BYTES);

  const stretched = resize(secret, width, height);
  const means = detail ? blockMeans(stretched) : null;
  const prepared = await engine.run("prepare", width, height, toPlanes(stretched));
  const shuffle = await drawShuffle(await key.shuffle(filmId, 0), (width * height) / block ** 2);
  const scrambled = shuffled(detailOf(prepared, width, detail), width, block, shuffle);
  const planes = await engine.run("hide", width, height, toPlanes(corner(cover, width, height)), scrambled);

  engine.tell("seal");
  const hidden = toPicture(planes, width, height);
  const container = { ...cover, data: cover.data.slice() };
  place(hidden.picture, container);
  const lean = { ...cover, data: new Int8Array(cover.data.length) };
  place({ width, height, data: hidden.lean }, lean);
  const thumbnail = means ? await pack(means, height / CELL, width / CELL) : new Uint8Array();
  const { width: trueWidth, height: trueHeight } = secret;
  const record = formatRecord(filmId, await key.commitment(filmId), {
    ...{ width: trueWidth, height: trueHeight },
    ...{ detail, block, weights, thumbnail },
  });
  await seal(container, record, key, random(NONCE_BYTES), salt, lean.data);
  return { container, scrambled };
}

/** Stops at a cover whose lowest bits can't hold the record. */
function checkRoom({ width, height }, blocks, area) {
  const needed = RECORD_BYTES + (blocks ? most(blocks) : 0);
  if (area > 0 && needed <= room(width, height)) return;
  throw new PageError(`The cover is too small: ${width} × ${height} pixels.`, "Use one of at least 48 × 48 pixels.");
}
