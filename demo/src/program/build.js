/** How the page of `stegnet gui` is built: `npm run build -- --mode program`. */

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

const [PAGE, PROGRAM] = ["src/page", "src/program"].map((folder) => resolve(import.meta.dirname, "../..", folder));

/** What index.html says of the other modes than this one, and the marks of what it says of this one. */
export const OTHERS = {
  alone: /<!-- in program -->[^]*?<!-- end -->|<!-- (alone|end) -->/g,
  program: /<!-- alone -->[^]*?<!-- end -->|<!-- (in program|end) -->/g,
};

/** Vite's configuration. */
export const ofProgram = {
  base: "./",
  plugins: [{ name: "program", enforce: "pre", resolveId }, texts(OTHERS.program)],
  build: {
    ...{ target: "es2023", cssMinify: "lightningcss", assetsInlineLimit: 0 },
    ...{ outDir: "../stegnet/gui/page", emptyOutDir: true },
  },
};

/** Modules of src/program/ take the place of those with the same name in src/page/. */
function resolveId(source, importer = "") {
  const own = resolve(PROGRAM, source);
  return source.startsWith("./") && dirname(importer) === PAGE && existsSync(own) ? own : null;
}

/** A plugin that leaves out what index.html says of the other mode. */
export function texts(others) {
  return { name: "texts", transformIndexHtml: { order: "pre", handler: (html) => html.replace(others, "") } };
}
