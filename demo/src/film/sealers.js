/** Workers that embed a file's shares in the frames of a film, side by side. */

import { makeShares } from "../format/spread.js";

const MAX_WORKERS = 8;

/**
 * Embeds a file in frames, in place.
 *
 * @param {import("../picture.js").Picture[]} frames
 * @param {Uint8Array} bytes of the file
 * @param {import("../codec/embed.js").Embedding} embedding
 * @param {object} keyInput a key file's bytes, or a passphrase: see `keySource`
 * @param {(done: number, total: number) => void} onProgress in frames
 * @returns {Promise<number>} the sum of the squared changes
 */
export async function sealAll(frames, bytes, embedding, keyInput, onProgress) {
  const count = Math.min(navigator.hardwareConcurrency, MAX_WORKERS, frames.length);
  const workers = Array.from({ length: count }, startWorker);
  const shareOf = embedding.needed ? await makeShares(bytes, embedding) : () => bytes;
  let [next, done, error] = [0, 0, 0];

  async function sealNext(worker) {
    for (let index = next++; index < frames.length; index = next++) {
      const frame = frames[index];
      const what = { embedding, keyInput, frame, index, share: shareOf(index) };
      const sealed = await answer(worker, what, [frame.data.buffer]);
      frames[index] = sealed.frame;
      error += sealed.error;
      onProgress(++done, frames.length);
    }
  }

  try {
    await Promise.all(workers.map(sealNext));
    return error;
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

const startWorker = () => new Worker(new URL("./sealer.js", import.meta.url), { type: "module" });

function answer(worker, what, transfer) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(what, transfer);
  });
}
