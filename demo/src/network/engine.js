/** The shipped pair of networks at work, by ONNX Runtime: on the graphics card, or on the processor. */

import { PageError } from "../errors.js";
import { download } from "./download.js";
import { GRAPHS, PAIR, RUNTIMES } from "./files.js";
import { tiled } from "./tiles.js";

/**
 * What hides and reveals.
 *
 * @typedef {object} Engine
 * @property {{weights: string, block: number, detail: boolean}} pair id of the weights, and what of a secret they hide
 * @property {(stage: string, done?: number, total?: number) => void} tell takes what is being done, and how far it is
 * @property {(network: string, width: number, height: number, ...inputs: Float32Array[]) => Promise<Float32Array>} run
 *   takes and gives planes (3, height, width)
 */

const MOST_THREADS = 8;

/**
 * Loads what `device` needs.
 *
 * @param {"gpu" | "cpu"} device
 * @param {Engine["tell"]} tell
 * @returns {Promise<Engine>}
 */
export async function makeEngine(device, tell) {
  const { load, mjs, wasm, providers } = RUNTIMES[device];
  const ort = await load();
  ort.env.wasm.wasmPaths = { mjs };
  ort.env.wasm.wasmBinary = await download(wasm, tell);
  // Threads share memory, which a page may do only if its host isolates it from others.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
  const sessions = {};

  async function session(network) {
    sessions[network] ??= await ort.InferenceSession.create(await download(GRAPHS[network], tell), {
      executionProviders: providers,
      enableMemPattern: false, // tiles differ in size
      logSeverityLevel: 3, // its warnings are for whoever makes graphs
    });
    return sessions[network];
  }

  async function run(network, width, height, ...inputs) {
    const graph = await session(network);
    const compute = (parts, cols, rows) =>
      computed(
        graph,
        parts.map((planes) => new ort.Tensor("float32", planes, [1, 3, rows, cols])),
      );
    return tiled(network, width, height, inputs, compute, (done, total) => tell(network, done, total));
  }

  return { pair: PAIR, tell, run };
}

async function computed(graph, tensors) {
  const feeds = Object.fromEntries(graph.inputNames.map((name, index) => [name, tensors[index]]));
  try {
    const results = await graph.run(feeds);
    return results[graph.outputNames[0]].data;
  } catch (error) {
    console.warn(error);
    throw new PageError(
      "The network could not run: there may not be enough memory.",
      "Close other tabs, use a smaller cover, or run on the processor.",
    );
  }
}
