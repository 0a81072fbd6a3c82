import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { defaultClientConditions, defineConfig } from "vite";

/** Where the shipped pair lies, and its networks as `stegnet export` writes them. */
const WEIGHTS = resolve(import.meta.dirname, "../stegnet/weights");
const GRAPHS = resolve(process.env.STEGNET_ONNX ?? WEIGHTS);
const NETWORKS = ["prepare", "hide", "reveal", "restore"];

/** A page that may share memory between threads, and load nothing but its own files. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  base: "./",
  build: { target: "es2023", cssMinify: "lightningcss", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
  worker: { format: "es" },
  define: { __PAIR__: JSON.stringify(pair()) },
  assetsInclude: ["**/*.onnx"],
  resolve: {
    alias: { "@weights": graphs() },
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
  },
  server: { headers: HEADERS, host: "127.0.0.1", fs: { allow: [import.meta.dirname, GRAPHS] } },
  preview: { headers: HEADERS, host: "127.0.0.1" },
});

/** What a container's header says of the weights: their file's SHA-256, and what of a secret they hide. */
function pair() {
  const weights = createHash("sha256")
    .update(readFileSync(resolve(WEIGHTS, "default.safetensors")))
    .digest("hex");
  const { block, detail } = JSON.parse(readFileSync(resolve(WEIGHTS, "default.json"), "utf8")).scramble;
  return { weights, block, detail };
}

function graphs() {
  const missing = NETWORKS.map((name) => resolve(GRAPHS, `default.${name}.onnx`)).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; \`stegnet export\` makes them`);
  return GRAPHS;
}
