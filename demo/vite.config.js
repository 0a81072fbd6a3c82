import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { defaultClientConditions, defineConfig } from "vite";

import { operatingPoints } from "../stegnet/gui/browser/format/robust_record.js";

/** The page itself, which `stegnet gui` shows as it is. */
const PAGE = resolve(import.meta.dirname, "../stegnet/gui/page");
/** Folders of the shipped pair and of its ONNX files. */
const WEIGHTS = resolve(import.meta.dirname, "../stegnet/weights");
const GRAPHS = resolve(process.env.STEGNET_ONNX ?? WEIGHTS);
const NAMES = "stegnet.networks"; // key of an ONNX file's metadata

/** Headers that allow threads to share memory. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The page that needs no program. */
export default defineConfig({
  root: PAGE,
  publicDir: false,
  cacheDir: resolve(import.meta.dirname, "node_modules/.vite"),
  base: "./",
  plugins: [{ name: "hosted", transformIndexHtml: { order: "pre", handler: hosted } }],
  build: {
    ...{ outDir: resolve(import.meta.dirname, "dist"), emptyOutDir: true },
    ...{ target: "es2023", cssMinify: "lightningcss", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
  },
  worker: { format: "es" },
  define: {
    __PAIR__: JSON.stringify(pair("default")),
    __NETWORKS__: JSON.stringify(networks()),
    __MODEM__: JSON.stringify(modem()),
  },
  assetsInclude: ["**/*.onnx"],
  resolve: {
    alias: { "@page": PAGE, "@weights": graphs(), "@shipped": WEIGHTS },
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
  },
  server: { headers: HEADERS, host: "127.0.0.1", fs: { allow: [import.meta.dirname, PAGE, GRAPHS, WEIGHTS] } },
  preview: { headers: HEADERS, host: "127.0.0.1" },
});

/** What index.html says where it is hosted stands in comments there. */
function hosted(html) {
  return html.replace(/<!-- in program -->[^]*?<!-- end -->|<!-- one file:[^]*?-->/g, "").replace(/<!-- hosted:([^]*?)-->/g, "$1");
}

/** SHA-256 of a weights file. */
function weightsId(name) {
  return createHash("sha256")
    .update(readFileSync(resolve(WEIGHTS, `${name}.safetensors`)))
    .digest("hex");
}

/** The pair as a container's header identifies it: SHA-256 of its weights, and the base of the secrets it hides. */
function pair(name) {
  const weights = weightsId(name);
  const { base: kind, quality, block, period } = card(name).scramble;
  return { weights, kind, quality, block, period };
}

/** What the page needs of the modem's card; its networks must be there. */
function modem() {
  const NO_BACKBONE = "none"; // whose networks see a block's neighbours at most
  for (const name of ["hide", "reveal"]) {
    const path = resolve(WEIGHTS, `modem.${name}.onnx`);
    if (!existsSync(path)) throw new Error(`missing: ${path}; \`python -m pipeline.export\` writes it`);
  }
  const { rungs, backbone } = card("modem").options;
  return { points: operatingPoints(rungs), isLocal: backbone === NO_BACKBONE };
}

function card(name) {
  return JSON.parse(readFileSync(resolve(WEIGHTS, `${name}.json`), "utf8"));
}

/** The folder of the ONNX files, which must be those of the weights. */
function graphs() {
  const missing = networks().filter((name) => !existsSync(graph(name)));
  if (missing.length > 0) throw new Error(`missing: ${missing.map(graph).join(", ")}; \`python -m pipeline.export\` writes them`);
  return GRAPHS;
}

/** Names of the pair's networks, from an ONNX file's metadata: not every pair has networks at its ends. */
function networks() {
  if (!existsSync(graph("hide"))) return ["hide"];
  const file = readFileSync(graph("hide"));
  const at = file.indexOf(NAMES) + NAMES.length + 2; // a string of the metadata follows its key: tag, length, bytes
  return file
    .subarray(at, at + file[at - 1])
    .toString()
    .split(" ");
}

function graph(name) {
  return resolve(GRAPHS, `default.${name}.onnx`);
}
