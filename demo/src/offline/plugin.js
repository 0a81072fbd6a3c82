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
        `const FILES = ${JSON.stringify(sorted(names(folder)))};\n${readFileSync(SOURCE, "utf8")}`,
      ),
  };
}

const names = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== NAME)
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    );

/** Names by the time when they are kept: with the page, for a device, or later. */
function sorted(all) {
  const files = { page: [], cpu: [], gpu: [], later: [] };
  for (const name of all.sort()) {
    if (LATER.test(name)) files.later.push(name);
    else if (GPU.test(name)) files.gpu.push(name);
    else if (LARGE.test(name) && /ort/.test(name)) files.cpu.push(name);
    else if (LARGE.test(name)) for (const device of ["cpu", "gpu"]) files[device].push(name);
    else if (name !== "index.html") files.page.push(name);
  }
  files.page.push("./"); // last: it must not name files that are not there
  return files;
}
