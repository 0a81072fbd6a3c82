/** The build's part of the offline page: the service worker with the names of the files that were built. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

const SOURCE = resolve(import.meta.dirname, "sw.js");
const NAME = "sw.js";
const LARGE = /\.(wasm|onnx)$/; // what the page computes with
const GPU = /ort.*(asyncify|webgpu)/; // what only graphics cards need
const LATER = /ffmpeg/; // what only films need: kept when first used

/** A Vite plugin. */
export function offline() {
  let folder;
  return {
    name: "offline",
    apply: "build",
    configResolved: ({ root, build }) => void (folder = resolve(root, build.outDir)),
    closeBundle: () =>
      writeFileSync(
        join(folder, NAME),
        `const FILES = ${JSON.stringify(sorted(folder))};\n${readFileSync(SOURCE, "utf8")}`,
      ),
  };
}

/** Names of a folder's files by the time when they are kept: with the page, for a device, or later. */
function sorted(folder) {
  const files = { page: [], cpu: [], gpu: [], later: [] };
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
  for (const name of paths.map((path) => path.split(sep).join("/")).sort()) {
    if (name === NAME) continue;
    if (LATER.test(name)) files.later.push(name);
    else if (GPU.test(name)) files.gpu.push(name);
    else if (LARGE.test(name) && /ort/.test(name)) files.cpu.push(name);
    else if (LARGE.test(name)) for (const device of ["cpu", "gpu"]) files[device].push(name);
    else if (name !== "index.html") files.page.push(name);
  }
  files.page.push("./"); // last: it must not name files that are not there
  return files;
}
