/** The shipped networks, a pair and a modem, on ONNX Runtime, on the graphics card or the processor. */

import { PageError } from "../../../stegnet/gui/browser/errors.js";
import { summed } from "../../../stegnet/gui/browser/picture.js";
import { makeAvif } from "./avif.js";
import { MODEM } from "./card.js";
import { download } from "./download.js";
import { AVIF, GRAPHS, PAIR, RUNTIMES } from "./files.js";
import { tiled } from "./tiles.js";

/**
 * Runs the networks that hide and reveal.
 *
 * @typedef {object} Engine
 * @property {{weights: string, kind: string, quality: number, block: number, period: number}} pair id of the
 *   weights, base of the secrets that they hide, and period modulo which a container's samples count; 0: none
 * @property {{points: import("../../../stegnet/gui/browser/format/robust_record.js").OperatingPoint[], isLocal?: boolean,
 *   revealMiddles?: (width: number, height: number, planes: Float32Array, dither: Float32Array) => Promise<Float32Array>}}
 *   modem isLocal: its networks see a block's neighbours at most; revealMiddles: if it can, the ratios of the middles of
 *   patches of AROUND × AROUND blocks alone
 * @property {(stage: string, done?: number, total?: number) => void} onProgress called with the stage,
 *   and how much of it is done
 * @property {(network: string, width: number, height: number, ...inputs: Float32Array[]) => Promise<Float32Array>} run
 *   maps planes to planes, as `tiled`
 * @property {import("../../../stegnet/gui/browser/format/base.js").Avif} avif
 */

const MAX_THREADS = 8;

async function loadRuntime(device, onProgress) {
  const { load, mjs, wasm } = RUNTIMES[device];
  const ort = await load();
  ort.env.wasm.wasmPaths = { mjs };
  ort.env.wasm.wasmBinary ??= await download(wasm, onProgress);
  // Threads need shared memory, which requires cross-origin isolation.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MAX_THREADS) : 1;
  return ort;
}

/** Loads the runtime for a device. */
export async function makeEngine(device, onProgress) {
  const { providers } = RUNTIMES[device];
  const ort = await loadRuntime(device, onProgress);
  const sessions = {};

  async function session(network) {
    sessions[network] ??= await ort.InferenceSession.create(await download(GRAPHS[network], onProgress), {
      executionProviders: providers,
      enableMemPattern: false, // tiles differ in size
      logSeverityLevel: 3, // warnings concern those who build graphs
    });
    return sessions[network];
  }

  async function run(network, width, height, ...inputs) {
    if (!GRAPHS[network]) return summed(inputs); // a network that does no more than that
    const graph = await session(network);
    const compute = async (parts) => {
      const tensors = parts.map(({ data, dims }) => new ort.Tensor("float32", data, dims));
      const feeds = Object.fromEntries(graph.inputNames.map((name, index) => [name, tensors[index]]));
      try {
        return (await graph.run(feeds))[graph.outputNames[0]].data;
      } catch (error) {
        console.warn(error);
        throw new PageError(
          "The network could not run: there may not be enough memory.",
          "Close other tabs, use a smaller cover, or run on the processor.",
        );
      }
    };
    const stage = network.split(".").at(-1);
    return tiled(network, width, height, inputs, compute, (done, total) => onProgress(stage, done, total));
  }

  const avif = makeAvif(async (name) => {
    const wasm = await download(AVIF[name], onProgress);
    onProgress("code");
    return wasm;
  });
  return { pair: PAIR, modem: MODEM, onProgress, run, avif };
}
