/** Any file, byte for byte, in the quantised coefficients of a JPEG, which stays the JPEG it was. */

import { JPEG } from "../../page/constants.js";
import { nothingOpens, PageError } from "../errors.js";
import { keySource } from "../format/keys.js";
import { FILE, formatWholeFile, parseRecord } from "../format/record.js";
import { capacity, mostFixed, sealSamples, unsealSamples } from "../format/seal.js";
import { COEFFICIENTS, fixedSamples, frameOf, mediumOf, withSamples } from "../jpeg/samples.js";
import { jpegProof } from "../evidence/jpegs.js";
import { readJpeg, stepsOf, withPlanes } from "../jpeg/coefficients.js";
import { coefficientCosts } from "../jpeg/costs.js";
import { SIZE, stepsAt } from "../jpeg/tables.js";
import { headerBytes, storedName } from "./sealed.js";
import { wholeFile } from "./collecting.js";
import { systemRandom } from "../format/ciphers.js";
import { checkHard, securityOfJpeg } from "./secure_payload.js";

const { FINEST, MOST_BESIDE, MOST_RATE, USUAL_QUALITY } = JPEG;

/** True where every step would show, so that the picture is saved at USUAL_QUALITY first: at the qualities 99 and 100. */
export const isTooFine = (jpeg) => stepsOf(jpeg, 0).reduce((sum, step) => sum + step, 0) < FINEST * SIZE;

/**
 * A function that gives the bytes of a file of a name that fit; negative if not even the name does.
 *
 * @param {boolean} [isForRecipient] space is left for an ephemeral key
 */
export function makeJpegCapacity(jpeg, isForRecipient = false) {
  const [{ rows, cols }] = jpeg.file.components;
  const samples = fixedSamples(jpeg);
  const fixed = samples.reduce((count, each) => count + each, 0);
  if (fixed > mostFixed(samples.length, COEFFICIENTS) * samples.length) return () => -1;
  const most = Math.floor((MOST_RATE * usedCoefficients(jpeg)) / 8);
  const free = samples.length - fixed;
  const beside = fixed ? Math.floor((MOST_BESIDE * free * (free / samples.length) ** 2) / 8) : Infinity;
  const all = Math.min(capacity((SIZE - 1) * cols, rows, 1, COEFFICIENTS, isForRecipient), most, beside);
  return (name) => all - headerBytes(name);
}

const proofs = new WeakMap(); // what proves a change of a JPEG, which takes long to find

/** Bytes in a JPEG that are hard to find. @param {boolean} isMade true if it is made of the cover, or will be */
export function securityOf(jpeg, isMade) {
  const step = stepsOf(jpeg, 0).reduce((sum, each) => sum + each, 0) / SIZE;
  if (!proofs.has(jpeg)) proofs.set(jpeg, jpegProof(jpeg));
  return securityOfJpeg(usedCoefficients(jpeg), step, isMade, proofs.get(jpeg));
}

/**
 * Luma's coefficients that are not 0 and may change, the first of blocks not counted; where it is too fine, at
 * USUAL_QUALITY.
 */
function usedCoefficients(jpeg) {
  const [steps, usual] = [stepsOf(jpeg, 0), stepsAt(USUAL_QUALITY).luma];
  const rounded = Array.from(steps, (step, at) => (isTooFine(jpeg) ? usual[at] / step / 2 : 0.5)); // to 0 or 1
  const [[luma], fixed] = [jpeg.planes, fixedSamples(jpeg)];
  let twice = 0;
  for (let block = 0; block < luma.length; block += SIZE) {
    for (let at = 1; at < SIZE; at++) {
      if (fixed[((SIZE - 1) * block) / SIZE + at - 1]) continue;
      const level = Math.abs(luma[block + at]);
      if (level >= rounded[at]) twice += level > rounded[at] ? 2 : 1;
    }
  }
  return twice >> 1;
}

/**
 * Hides a file in a JPEG; all bytes outside its entropy-coded data stay.
 *
 * @param {Float32Array | null} [options.errors] what rounding took from luma's coefficients, as of `coefficientCosts`
 * @param {boolean} [options.safe] refuse more than is hard to find
 * @throws {PageError} the file does not fit, or the key is missing
 */
export async function hideInJpeg(jpeg, file, keyInput, options = {}) {
  const { errors = null, safe = false, random = systemRandom, onProgress = () => {} } = options;
  const name = storedName(file.name);
  checkFits(name, file.bytes.length, makeJpegCapacity(jpeg, Boolean(keyInput.recipient))(name));
  if (safe) checkHard(file, securityOf(jpeg, errors !== null));
  const keys = await keySource(keyInput).newKeys(random);
  const record = formatWholeFile({ name, bytes: file.bytes });
  const frame = frameOf(jpeg);
  const costs = coefficientCosts(jpeg, frame.data, random, { errors, onProgress });
  onProgress("seal");
  const medium = await mediumOf(jpeg);
  const fixed = fixedSamples(jpeg);
  await sealSamples(frame, record, keys, { costsOf: () => costs, random, medium, fixed: fixed.includes(1) ? fixed : null });
  onProgress("write");
  const planes = withSamples(jpeg, frame.data);
  const container = withPlanes(jpeg, planes);
  checkSame(readJpeg(container).planes, planes);
  return container;
}

/** The file that is hidden in a JPEG's coefficients, as of `reveal`; null if there is none, or they can't be read. */
export async function revealFromJpeg(bytes, keyInput) {
  let jpeg;
  try {
    jpeg = readJpeg(bytes);
  } catch (error) {
    if (error instanceof PageError) return null; // another kind of file
    throw error;
  }
  const ring = keySource(keyInput).ring();
  const frame = frameOf(jpeg);
  const found = await unsealSamples(frame, ring, await mediumOf(jpeg));
  if (!found) return null;
  const { file } = await recordOf(found.record, ring);
  return { file: await wholeFile(file), whole: found.whole, robust: false };
}

async function recordOf(bytes, ring) {
  try {
    const record = await parseRecord(bytes);
    if (record.filmSecret && !(await ring.accepts(record.filmSecret))) throw new RangeError("another film's");
    if (record.kind === FILE && record.frames === 1 && record.file.needed === 0) return record;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw nothingOpens();
}

function checkFits(name, size, most) {
  if (size <= most) return;
  const counted = (bytes) => Math.max(bytes, 0).toLocaleString("en");
  throw new PageError(
    `${name} has ${counted(size)} bytes, more than the capacity of ${counted(most)}.`,
    "Use a larger JPEG, one with more detail or of higher quality, or choose a PNG file as the container.",
  );
}

function checkSame(read, written) {
  if (read.every((plane, index) => plane.every((level, at) => level === written[index][at]))) return;
  throw new PageError(
    "The JPEG does not read back as it was written.",
    "This is a bug in this page: use the program instead.",
  );
}
