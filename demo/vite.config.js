import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { defaultClientConditions, defineConfig } from "vite";

/** Folders of the shipped pair and of its ONNX files. */
const WEIGHTS = resolve(import.meta.dirname, "../stegnet/weights");
const GRAPHS = resolve(process.env.STEGNET_ONNX ?? WEIGHTS);
const NETWORKS = ["prepare", "hide", "reveal", "restore"];

/** Headers that allow threads to share memory. */
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

/** The pair as a container's header identifies it: SHA-256 of its weights, and which part of a secret they hide. */
function pair() {
  const weights = createHash("sha256")
    .update(readFileSync(resolve(WEIGHTS, "default.safetensors")))
    .digest("hex");
  const { block, detail } = JSON.parse(readFileSync(resolve(WEIGHTS, "default.json"), "utf8")).scramble;
  return { weights, block, detail };
}

function graphs() {
  const missing = NETWORKS.map((name) => resolve(GRAPHS, `default.${name}.onnx`)).filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; \`stegnet export\` writes them`);
  return GRAPHS;
}
