/** URLs of the networks and their runtimes, as the bundler placed them. */

import hide from "@weights/default.hide.onnx?url";
import prepare from "@weights/default.prepare.onnx?url";
import restore from "@weights/default.restore.onnx?url";
import reveal from "@weights/default.reveal.onnx?url";
import gpuMjs from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import gpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import cpuMjs from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import cpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";

const absolute = (url) => new URL(url, import.meta.url).href;

export const GRAPHS = {
  prepare: absolute(prepare),
  hide: absolute(hide),
  reveal: absolute(reveal),
  restore: absolute(restore),
};

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

/** Id of the weights, and which part of a secret they hide; the bundler reads both from weights file and card. */
export const PAIR = __PAIR__;
