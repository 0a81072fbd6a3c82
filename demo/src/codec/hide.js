/**
 * Hiding a picture in a picture.
 *
 * The format fixes keys, places, record, MAC and shuffle bit for bit (src/format). Implementations may differ in how
 * they resize the secret, code its base, run the networks, and choose the steps that seal the record.
 */

import { decodeBase, encodeBase, leastBytes, NONE, setGain } from "../../../stegnet/gui/browser/format/base.js";
import { roundingCosts } from "../../../stegnet/gui/browser/format/costs.js";
import { KEY_BYTES, keySource } from "../../../stegnet/gui/browser/format/keys.js";
import { corner, intoRange, isGrey, masked, place, residualOf, toPicture, toPlanes } from "../../../stegnet/gui/browser/picture.js";
import { FILM_ID_BYTES, formatRecord } from "../../../stegnet/gui/browser/format/record.js";
import { PIXELS } from "../../../stegnet/gui/browser/format/sample_order.js";
import { capacity, seal } from "../../../stegnet/gui/browser/format/seal.js";
import { drawMask, drawShuffle, shuffled } from "../../../stegnet/gui/browser/format/shuffle.js";
import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { resize } from "../../../stegnet/gui/browser/resize.js";
import { systemRandom } from "../../../stegnet/gui/browser/format/ciphers.js";

/** Bytes of a record without the base. */
const RECORD_BYTES = formatRecord(new Uint8Array(FILM_ID_BYTES), new Uint8Array(KEY_BYTES), {
  ...{ width: 1, height: 1, kind: NONE, block: 1, weights: "0".repeat(64), base: new Uint8Array() },
}).length;

/**
 * Hides a secret in a cover.
 *
 * @param {import("../../../stegnet/gui/browser/picture.js").Picture} secret of any size; resized to the cover's hidden area
 * @returns {Promise<{container: import("../../../stegnet/gui/browser/picture.js").Picture, scrambled: Float32Array, filmKey: object, record:
 *   Uint8Array}>} the container, what the network hid, and what a reader finds: see `revealSealed`
 * @throws {PageError} the cover is too small, or grey, or the key is missing
 */
export async function hide(engine, cover, secret, keyInput, random = systemRandom) {
  if (isGrey(cover)) {
    throw new PageError("The cover is grey, and the network would give it coloured pixels.", "Use a cover in colour.");
  }
  const keys = await keySource(keyInput).newKeys(random);
  const { block, kind, quality, period, weights } = engine.pair;
  const [width, height] = [cover.width, cover.height].map((side) => Math.floor(side / block) * block);
  const most = capacity(cover.width, cover.height, 3, PIXELS, keys.film.isForRecipient) - RECORD_BYTES;
  if (width * height === 0 || leastBytes(kind, width, height) > most) throw tooSmall(cover);
  const filmId = random(FILM_ID_BYTES);

  engine.onProgress("code");
  const resized = resize(secret, width, height);
  const bytes = await encodeBase(kind, resized, quality, most, engine.avif);
  if (!bytes) throw tooSmall(cover);
  const base = await decodeBase(kind, bytes, width, height, engine.avif);
  const enhanced = await engine.run("enhance", width, height, toPlanes(base.picture));
  const planes = toPlanes(resized);
  const gain = setGain(bytes, planes, enhanced);
  const prepared = await engine.run("prepare", width, height, planes);
  const shuffleKey = await keys.film.shuffle(filmId);
  const shuffle = await drawShuffle(shuffleKey, (width * height) / block ** 2);
  const scrambled = shuffled(residualOf(prepared, enhanced, gain), width, block, shuffle);
  const mask = await drawMask(shuffleKey, width, height, period);
  const seen = masked(toPlanes(corner(cover, width, height)), mask, -1);
  const changed = masked(await engine.run("hide", width, height, seen, scrambled), mask, 1);

  engine.onProgress("seal");
  const hidden = toPicture(intoRange(changed, period), width, height);
  const container = { ...cover, data: cover.data.slice() };
  place(hidden.picture, container);
  const errors = { ...cover, data: new Int8Array(cover.data.length) };
  place({ width, height, data: hidden.errors }, errors);
  const { width: trueWidth, height: trueHeight } = secret;
  const record = formatRecord(keys.secret, filmId, {
    ...{ width: trueWidth, height: trueHeight },
    ...{ kind, block, weights, base: bytes },
  });
  await seal(container, record, keys, { costsOf: () => roundingCosts(container.data, errors.data, random), random });
  return { container, scrambled, keys: { film: keys.film, accepts: async () => true }, record };
}

const tooSmall = ({ width, height }) =>
  new PageError(`The cover is too small: ${width} × ${height} pixels.`, "Use one of at least 48 × 48 pixels.");
