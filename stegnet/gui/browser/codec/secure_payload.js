/** Bytes in a cover that are hard to find, by the square-root law (stegnet/results/figures.py). */

import { EVIDENCE, JPEG, SEALED, SECURE } from "../../page/constants.js";
import { PageError } from "../errors.js";

const { ALWAYS, CAMERA, EASY, EASY_CHANGES, EASY_TIMES, EMPTY_BAND, HARD, NEVER_LOSSY, POSSIBLE, UNPUBLISHED, WORDS } = SECURE;
const { BYTE_CHANGES, RECORD_CHANGES } = EVIDENCE;

/**
 * Bytes of a file in a cover.
 *
 * @typedef {{hard: number | null, easy: number | null, history: string | null, isBounded?: boolean}} Security hard: up
 *   to which detectors hardly do better than guessing; easy: beyond which they are nearly always right; null: even an
 *   empty file is too much; history: what gives any container away; isBounded: a quiet band of the spectrum says how many
 */

/**
 * @param {number} samples that can be changed
 * @param {{RATE: number, MEASURED: number}} measured bits of one, and samples of the covers that were measured
 * @param {(times: number) => number} bounded bytes of a file that changes so many times what is hard to find in a band
 */
function secured(samples, { RATE, MEASURED }, history, bounded = () => Infinity) {
  if (history) return { hard: null, easy: null, history };
  const size = samples / MEASURED;
  const bytes = (rate) =>
    Math.floor(((rate * MEASURED) / 8 + ALWAYS) * (size > 1 ? Math.sqrt(size) : size)) - ALWAYS;
  const [hard, easy] = [Math.min(bytes(RATE), bounded(1)), Math.min(bytes(EASY_TIMES * RATE), bounded(EASY_CHANGES))];
  const isBounded = bounded(1) < bytes(RATE);
  return { hard: hard < 0 ? null : hard, easy: easy < 0 ? null : easy, history, isBounded };
}

/**
 * Of a picture whose lowest bits are changed.
 *
 * @param {{proof: string | null, changes: number}} evidence that its samples give, as of `pictureEvidence`
 */
export function securityOfPicture({ width, height, channels }, { proof, changes }) {
  const bounded = (times) => Math.floor((times * changes - RECORD_CHANGES) / BYTE_CHANGES);
  return secured(width * height * channels, SEALED, proof, bounded);
}

/**
 * Of a JPEG with so many `samples`, luma's coefficients that are not 0 but for the first of blocks, and a mean `step`.
 *
 * @param {boolean} isMade true if it was made of the cover, so that the errors of rounding are known
 * @param {string | null} proof what proves a changed coefficient, in words
 */
export function securityOfJpeg(samples, step, isMade, proof) {
  const rate = isMade ? JPEG.HIGHEST_RATE : Math.min((JPEG.RATE * JPEG.STEP) / step, JPEG.HIGHEST_RATE);
  return secured(samples, { RATE: rate, MEASURED: JPEG.MEASURED }, proof);
}

/** What has to be so of a cover where its container is called hard to find; nobody can see it from the file. */
export function conditionOf({ file, isJpeg, isScaled }) {
  const [one] = isScaled ? UNPUBLISHED : isJpeg ? CAMERA : NEVER_LOSSY;
  return one.replace("{}", () => file.name);
}

/** Ease of detection of so many bytes, in words. @param {string} condition on which that rests */
export function detection(bytes, { hard, easy, history, isBounded }, condition) {
  if (history) return WORDS[EASY];
  const [hidden, most] = [bytes, hard ?? 0].map((count) => count.toLocaleString("en"));
  if (hard !== null && bytes <= hard) return `${WORDS[HARD]}, if ${condition} (${hidden} of at most ${most} bytes)`;
  const least = hard ? `at most ${most} would be ${WORDS[HARD]}` : `nothing is ${WORDS[HARD]} in this cover`;
  const words = WORDS[easy === null || bytes > easy ? EASY : POSSIBLE];
  return `${words} (${hidden} bytes; ${least}${isBounded ? EMPTY_BAND : ""})`;
}

/** Refuses a file that is not hard to find. @throws {PageError} */
export function checkHard({ name, bytes }, { hard }) {
  if (hard !== null && bytes.length <= hard) return;
  const size = `${name} has ${bytes.length.toLocaleString("en")} bytes`;
  throw new PageError(
    hard
      ? `${size}, but at most ${hard.toLocaleString("en")} bytes are hard to find in this cover.`
      : `${size}, and nothing is hard to find in this cover.`,
    "Use a larger cover, or allow what is easier to find.",
  );
}
