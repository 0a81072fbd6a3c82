/** URLs of the networks and their runtimes, as the bundler placed them. */

import avifDecoder from "@jsquash/avif/codec/dec/avif_dec.wasm?url";
import avifEncoder from "@jsquash/avif/codec/enc/avif_enc.wasm?url";
import gpuMjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import gpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import cpuMjs from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import cpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";

const absolute = (url) => new URL(url, import.meta.url).href;

const found = import.meta.glob("@weights/default.*.onnx", { query: "?url", import: "default", eager: true });
const graphs = Object.entries(found).map(([path, url]) => [path.match(/default\.(\w+)\.onnx$/)[1], absolute(url)]);
const modem = import.meta.glob("@shipped/modem.*.onnx", { query: "?url", import: "default", eager: true });
const others = Object.entries(modem).map(([path, url]) => [path.match(/(\w+\.\w+)\.onnx$/)[1], absolute(url)]);

/** The networks; those that only return their input, or the sum of their inputs, are missing. */
export const GRAPHS = Object.fromEntries([...graphs.filter(([name]) => __NETWORKS__.includes(name)), ...others]);

export const AVIF = { encode: absolute(avifEncoder), decode: absolute(avifDecoder) };

export const RUNTIMES = {
  gpu: {
    load: () => import("onnxruntime-web/webgpu"),
    mjs: absolute(gpuMjs),
    wasm: absolute(gpuWasm),
    providers: ["webgpu"],
  },
  cpu: {
    load: () => import("onnxruntime-web/wasm"),
    mjs: absolute(cpuMjs),
    wasm: absolute(cpuWasm),
    providers: ["wasm"],
  },
};

/** Id of the weights, and the base of the secrets they hide; the bundler reads both from weights file and card. */
export const PAIR = __PAIR__;
